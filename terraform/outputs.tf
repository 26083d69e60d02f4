output "cluster" {
  description = "For gcloud container clusters get-credentials."
  value       = { name = google_container_cluster.this.name, region = var.region }
}

output "registry" {
  description = "Where images and charts are pushed."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "address" {
  description = "For the DNS record, and the name by which an Ingress asks for it."
  value       = { ip = google_compute_global_address.public.address, name = google_compute_global_address.public.name }
}

output "database_url_secret" {
  description = "The Secret Manager secret with DATABASE_URL; docs/deploy.md says how it gets into the cluster."
  value       = google_secret_manager_secret.database_url.secret_id
}

output "ci" {
  description = "For google-github-actions/auth; null without github_repository."
  value = var.github_repository == null ? null : {
    workload_identity_provider = google_iam_workload_identity_pool_provider.github["this"].name
    service_account            = google_service_account.ci["this"].email
  }
}

output "helm_values" {
  description = "What belongs to this project in the chart's values, to be given after values-gke.yaml."
  value = yamlencode({
    image = {
      registry = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
    }
    offers = {
      serviceAccount = {
        annotations = { "iam.gke.io/gcp-service-account" = google_service_account.service["offers"].email }
      }
    }
    confirmPayment = {
      serviceAccount = {
        annotations = { "iam.gke.io/gcp-service-account" = google_service_account.service["confirm-payment"].email }
      }
    }
    database = {
      egressTo = [{ ipBlock = { cidr = "${google_sql_database_instance.this.private_ip_address}/32" } }]
    }
  })
}
