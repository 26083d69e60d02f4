# terraform test: plans without credentials, on a mocked provider.
mock_provider "google" {}

mock_provider "random" {}

variables {
  project_id = "test-project"
}

run "what_must_hold_in_production" {
  command = plan

  assert {
    condition     = google_container_cluster.this.enable_autopilot && google_container_cluster.this.private_cluster_config[0].enable_private_nodes
    error_message = "The cluster is Autopilot, and its nodes have no public address."
  }

  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "Without authorized networks the control plane is reached from within only."
  }

  assert {
    condition     = google_container_cluster.this.deletion_protection && google_sql_database_instance.this.deletion_protection && google_sql_database_instance.this.settings[0].deletion_protection_enabled
    error_message = "Neither the cluster nor the database is deleted by accident."
  }

  assert {
    condition     = google_sql_database_instance.this.database_version == "POSTGRES_17"
    error_message = "The database is PostgreSQL 17."
  }

  assert {
    condition     = !google_sql_database_instance.this.settings[0].ip_configuration[0].ipv4_enabled
    error_message = "The database has no public address."
  }

  assert {
    condition     = google_sql_database_instance.this.settings[0].backup_configuration[0].enabled && google_sql_database_instance.this.settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "Orders are backed up, and can be restored to any moment."
  }

  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags
    error_message = "A tag means one image for ever."
  }

  assert {
    condition     = length(google_iam_workload_identity_pool.github) == 0 && output.ci == null
    error_message = "Without a repository, no workflow is let in."
  }

  assert {
    condition     = join(" ", keys(google_service_account_iam_member.workload_identity)) == "confirm-payment offers"
    error_message = "Each service has an identity of its own."
  }

  assert {
    condition     = google_service_account_iam_member.workload_identity["offers"].member == "serviceAccount:test-project.svc.id.goog[loan-buddy/loan-buddy-offers]"
    error_message = "The identity belongs to the chart's service account."
  }
}

run "the_way_in" {
  command = plan

  variables {
    domains = ["loans.example.com"]
  }

  assert {
    condition     = length([for rule in google_compute_security_policy.this.rule : rule if rule.action == "rate_based_ban"]) == 1
    error_message = "An address that floods is banned."
  }

  assert {
    condition     = length([for rule in google_compute_security_policy.this.rule : rule if rule.action == "deny(403)"]) == 6
    error_message = "What no honest client sends is refused."
  }

  assert {
    condition     = google_compute_security_policy.this.advanced_options_config[0].json_parsing == "STANDARD"
    error_message = "The rules read JSON."
  }

  assert {
    condition     = google_compute_ssl_policy.this.min_tls_version == "TLS_1_2" && google_compute_ssl_policy.this.profile == "MODERN"
    error_message = "Nothing older than TLS 1.2 is spoken."
  }

  assert {
    condition     = google_compute_managed_ssl_certificate.this[0].managed[0].domains[0] == "loans.example.com"
    error_message = "The certificate is for the domain."
  }

  assert {
    condition     = join(" ", keys(google_secret_manager_secret_iam_member.service_auth)) == "confirm-payment offers"
    error_message = "Both services read the secret between them."
  }
}

run "without_a_domain" {
  command = plan

  assert {
    condition     = length(google_compute_managed_ssl_certificate.this) == 0
    error_message = "There is no certificate for nothing."
  }
}

run "messages" {
  command = plan

  assert {
    condition     = alltrue([for subscription in google_pubsub_subscription.work : subscription.dead_letter_policy[0].max_delivery_attempts == 10 && subscription.expiration_policy[0].ttl == ""])
    error_message = "What nobody can handle is set aside, and no subscription expires."
  }

  assert {
    condition     = join(" ", [for subscription in google_pubsub_subscription.work : subscription.name]) == "loan-buddy-prod-checkouts-confirm-payment loan-buddy-prod-decisions-offers"
    error_message = "confirm-payment reads the checkouts, offers the decisions."
  }

  assert {
    condition     = join(" ", keys(google_pubsub_topic_iam_member.publisher)) == "checkouts decisions order-events"
    error_message = "Nobody publishes dead letters but Pub/Sub."
  }

  assert {
    condition     = join(" ", keys(google_pubsub_topic_iam_member.dead_letters_viewer)) == "confirm-payment offers"
    error_message = "Both services may look whether there is a place for dead letters."
  }

  assert {
    condition     = google_pubsub_subscription.analytics.bigquery_config[0].use_table_schema && google_bigquery_table.order_events.time_partitioning[0].field == "time"
    error_message = "The events go into a table with their own columns, partitioned by their time."
  }

  assert {
    condition     = alltrue([for grant in google_bigquery_table_iam_member.pubsub : grant.table_id == "order_events"])
    error_message = "Pub/Sub may write to that table, and to no other."
  }

  assert {
    condition     = google_pubsub_subscription.analytics.dead_letter_policy[0].max_delivery_attempts == 100 && google_pubsub_subscription.analytics.retry_policy[0].maximum_backoff == "600s"
    error_message = "An event that BigQuery refuses is set aside, but not while BigQuery is away for half a day."
  }

  assert {
    condition     = google_bigquery_table.order_events.deletion_protection
    error_message = "The events are not deleted by accident."
  }
}

run "workflows_of_one_repository" {
  command = plan

  variables {
    github_repository = "owner/loan-buddy"
  }

  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.github["this"].attribute_condition, "assertion.repository == 'owner/loan-buddy'")
    error_message = "Only this repository is let in."
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.ci["this"].role == "roles/artifactregistry.writer"
    error_message = "It may push images, and no more."
  }
}

run "reachable_control_plane" {
  command = plan

  variables {
    cluster = { authorized_networks = { office = "203.0.113.0/24" } }
  }

  assert {
    condition     = !google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "Those who are authorized reach the control plane."
  }
}
