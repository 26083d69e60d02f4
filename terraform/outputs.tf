output "cluster" {
  description = "Cluster name and region, for gcloud container clusters get-credentials."
  value       = { name = google_container_cluster.this.name, region = var.region }
}

output "registry" {
  description = "The registry for images: the repository's variable GOOGLE_REGISTRY."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "address" {
  description = "The address for the DNS record, and its name for an Ingress."
  value       = { ip = google_compute_global_address.public.address, name = google_compute_global_address.public.name }
}

output "database_url_secret" {
  description = "The Secret Manager secret with DATABASE_URL; docs/deploy.md says how to copy it into the cluster."
  value       = google_secret_manager_secret.database_url.secret_id
}

output "service_auth_secret" {
  description = "The Secret Manager secret with SERVICE_AUTH_SECRETS; copy it into the cluster like the other."
  value       = google_secret_manager_secret.service_auth.secret_id
}

output "dead_letters" {
  description = "The subscription with the dead letters; docs/deploy.md says what to do with them."
  value       = google_pubsub_subscription.dead_letters.name
}

output "analytics" {
  description = "The BigQuery dataset with the events of all orders."
  value       = google_bigquery_dataset.analytics.dataset_id
}

output "ci" {
  description = "Inputs for google-github-actions/auth; null without github_repository."
  value = var.github_repository == null ? null : {
    workload_identity_provider = google_iam_workload_identity_pool_provider.github["this"].name
    service_account            = google_service_account.ci["this"].email
  }
}

output "helm_values" {
  description = "The chart's values for this project; pass them after values-gke.yaml."
  value = yamlencode({
    image = {
      registry = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
    }
    offers = {
      autoscaling = { maxReplicas = var.kubernetes.max_offers_pods }
      serviceAccount = {
        annotations = { "iam.gke.io/gcp-service-account" = google_service_account.service["offers"].email }
      }
      config = {
        DATABASE_POOL_SIZE            = tostring(local.pool_size)
        PUBSUB_CHECKOUTS_TOPIC        = google_pubsub_topic.this["checkouts"].name
        PUBSUB_DECISIONS_TOPIC        = google_pubsub_topic.this["decisions"].name
        PUBSUB_DECISIONS_SUBSCRIPTION = google_pubsub_subscription.work["decisions"].name
        PUBSUB_EVENTS_TOPIC           = google_pubsub_topic.this["order-events"].name
        PUBSUB_DEAD_LETTER_TOPIC      = google_pubsub_topic.this["dead-letters"].name
        PUBSUB_MAX_DELIVERIES         = tostring(var.pubsub.max_deliveries)
      }
    }
    confirmPayment = {
      serviceAccount = {
        annotations = { "iam.gke.io/gcp-service-account" = google_service_account.service["confirm-payment"].email }
      }
      config = {
        PUBSUB_CHECKOUTS_TOPIC        = google_pubsub_topic.this["checkouts"].name
        PUBSUB_CHECKOUTS_SUBSCRIPTION = google_pubsub_subscription.work["checkouts"].name
        PUBSUB_DECISIONS_TOPIC        = google_pubsub_topic.this["decisions"].name
        PUBSUB_DEAD_LETTER_TOPIC      = google_pubsub_topic.this["dead-letters"].name
        PUBSUB_MAX_DELIVERIES         = tostring(var.pubsub.max_deliveries)
      }
    }
    pubsub = {
      projectId = var.project_id
    }
    ingress = {
      hosts = var.domains
      gke = {
        enabled        = length(var.domains) > 0
        address        = google_compute_global_address.public.name
        certificate    = try(google_compute_managed_ssl_certificate.this[0].name, "")
        securityPolicy = google_compute_security_policy.this.name
        sslPolicy      = google_compute_ssl_policy.this.name
      }
      enabled = length(var.domains) > 0
    }
    database = {
      # Not the instance's own address: a restored clone gets another one from this range.
      egressTo = [{ ipBlock = { cidr = var.network.private_cidr } }]
    }
  })
}
