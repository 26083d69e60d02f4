# Plans of a new project with the real providers. They send no request, so they need no credentials and no network:
# GOOGLE_OAUTH_ACCESS_TOKEN=none terraform test
variables {
  project_id = "test-project"
}

override_data {
  target = data.google_project.this
  values = { number = "123456789012" }
}

run "production" {
  command = plan

  assert {
    condition     = google_pubsub_topic.this["checkouts"].terraform_labels == tomap({ app = "loan-buddy", environment = "prod", goog-terraform-provisioned = "true" })
    error_message = "Resources have the provider's labels."
  }

  assert {
    condition     = google_container_cluster.this.enable_autopilot && google_container_cluster.this.private_cluster_config[0].enable_private_nodes
    error_message = "The cluster is Autopilot, and its nodes have no public address."
  }

  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "Without authorized networks, the control plane is reachable only from within the network."
  }

  assert {
    condition     = google_container_cluster.this.deletion_protection && google_sql_database_instance.this.deletion_protection && google_sql_database_instance.this.settings[0].deletion_protection_enabled
    error_message = "The cluster and the database are protected from deletion."
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
    error_message = "The database has backups and point-in-time recovery."
  }

  assert {
    condition     = alltrue([for flag in ["log_connections", "log_disconnections", "log_lock_waits"] : contains([for set in google_sql_database_instance.this.settings[0].database_flags : set.name if set.value == "on"], flag)])
    error_message = "The database logs who connects, and what waits for a lock."
  }

  assert {
    condition     = google_sql_database.orders.deletion_policy == "ABANDON" && google_sql_user.offers.deletion_policy == "ABANDON"
    error_message = "terraform destroy leaves what is in the instance to the instance."
  }

  assert {
    condition     = google_sql_user.offers.password == null && google_secret_manager_secret_version.database_url.secret_data == null && google_secret_manager_secret_version.service_auth.secret_data == null
    error_message = "No secret is in the state."
  }

  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags
    error_message = "Image tags are immutable."
  }

  assert {
    condition     = alltrue([for policy in google_artifact_registry_repository.images.cleanup_policies : policy.condition[0].tag_state == "UNTAGGED" if policy.action == "DELETE"])
    error_message = "No image with a tag is deleted."
  }

  assert {
    condition     = google_compute_router_nat.this.enable_dynamic_port_allocation && !google_compute_router_nat.this.enable_endpoint_independent_mapping
    error_message = "A node with many connections gets more ports."
  }

  assert {
    condition     = length(google_iam_workload_identity_pool.github) == 0 && output.ci == null
    error_message = "Without a repository, no workflow has access."
  }

  assert {
    condition     = join(" ", keys(google_service_account_iam_member.workload_identity)) == "confirm-payment offers"
    error_message = "Each service has its own identity."
  }

  assert {
    condition     = google_service_account_iam_member.workload_identity["offers"].member == "serviceAccount:test-project.svc.id.goog[loan-buddy/loan-buddy-offers]"
    error_message = "The identity belongs to the chart's service account."
  }
}

run "load_balancer" {
  command = plan

  variables {
    domains = ["loans.example.com"]
  }

  assert {
    condition     = length([for rule in google_compute_security_policy.this.rule : rule if rule.action == "rate_based_ban"]) == 1
    error_message = "An address that exceeds the rate limit is banned."
  }

  assert {
    condition     = length([for rule in google_compute_security_policy.this.rule : rule if rule.action == "deny(403)"]) == 6
    error_message = "Known attacks are refused."
  }

  assert {
    condition     = google_compute_security_policy.this.advanced_options_config[0].json_parsing == "STANDARD"
    error_message = "The rules parse JSON bodies."
  }

  assert {
    condition     = google_compute_ssl_policy.this.min_tls_version == "TLS_1_2" && google_compute_ssl_policy.this.profile == "MODERN"
    error_message = "TLS 1.2 is the minimum."
  }

  assert {
    condition     = google_compute_managed_ssl_certificate.this[0].managed[0].domains[0] == "loans.example.com"
    error_message = "The certificate is for the domain."
  }

  assert {
    condition     = alltrue([for rule in var.armor.waf_rules : endswith(rule, "-v422-stable") || rule == "cve-canary"])
    error_message = "The rules are those of the current rule set."
  }
}

run "without_a_domain" {
  command = plan

  assert {
    condition     = length(google_compute_managed_ssl_certificate.this) == 0
    error_message = "Without a domain, there is no certificate."
  }
}

run "pubsub" {
  command = plan

  assert {
    condition     = alltrue([for subscription in google_pubsub_subscription.work : subscription.dead_letter_policy[0].max_delivery_attempts == 10 && subscription.expiration_policy[0].ttl == ""])
    error_message = "Messages that cannot be handled become dead letters, and no subscription expires."
  }

  assert {
    condition     = alltrue([for subscription in google_pubsub_subscription.work : subscription.ack_deadline_seconds == 10 && length(subscription.retry_policy) == 0])
    error_message = "Another process gets the messages of a killed one after 10 seconds."
  }

  assert {
    condition     = join(" ", [for subscription in google_pubsub_subscription.work : subscription.name]) == "loan-buddy-prod-checkouts-confirm-payment loan-buddy-prod-decisions-offers"
    error_message = "confirm-payment reads the checkouts, offers the decisions."
  }

  assert {
    condition     = join(" ", keys(google_pubsub_topic_iam_member.publisher)) == "checkouts decisions order-events"
    error_message = "Only Pub/Sub publishes dead letters."
  }

  assert {
    condition     = join(" ", keys(google_pubsub_topic_iam_member.dead_letters_viewer)) == "confirm-payment offers"
    error_message = "Both services may check the dead-letter topic."
  }

  assert {
    condition     = google_pubsub_subscription.analytics.bigquery_config[0].use_table_schema && google_bigquery_table.order_events.time_partitioning[0].field == "time"
    error_message = "The events' table has a column for each field, and is partitioned by time."
  }

  assert {
    condition     = alltrue([for grant in google_bigquery_table_iam_member.pubsub : grant.table_id == "order_events"])
    error_message = "Pub/Sub may write to that table, and to no other."
  }

  assert {
    condition     = google_pubsub_subscription.analytics.dead_letter_policy[0].max_delivery_attempts == 100 && google_pubsub_subscription.analytics.retry_policy[0].maximum_backoff == "600s"
    error_message = "An event that BigQuery refuses becomes a dead letter, but not during an outage of half a day."
  }

  assert {
    condition     = google_bigquery_table.order_events.deletion_protection
    error_message = "The events are protected from deletion."
  }
}

run "workflows" {
  command = plan

  variables {
    github_repository = "owner/loan-buddy"
  }

  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.github["this"].attribute_condition, "assertion.repository == 'owner/loan-buddy'")
    error_message = "Only this repository has access."
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.ci["this"].role == "roles/artifactregistry.writer"
    error_message = "It may only push images."
  }
}

run "control_plane" {
  command = plan

  variables {
    cluster = { authorized_networks = { office = "203.0.113.0/24" } }
  }

  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_endpoint != true
    error_message = "Authorized networks reach the control plane."
  }
}

# (100 connections - 15 others) / (2 * 10 + 1 pods) - 2 = 2
run "connections" {
  command = plan

  assert {
    condition     = one([for flag in google_sql_database_instance.this.settings[0].database_flags : flag.value if flag.name == "max_connections"]) == "100" && local.pool_size == 2
    error_message = "Ten pods share the 100 connections of the smallest tier, also while an upgrade replaces them."
  }
}

# (50 - 15) / (2 * 3 + 1) - 2 = 3
run "connections_of_a_trial" {
  command = plan

  variables {
    database   = { tier = "db-g1-small" }
    kubernetes = { max_offers_pods = 3 }
  }

  assert {
    condition     = local.max_connections == 50 && local.pool_size == 3
    error_message = "Three pods share 50 connections."
  }
}

# (500 - 15) / (2 * 20 + 1) - 2 = 9
run "connections_of_more_pods" {
  command = plan

  variables {
    database   = { tier = "db-custom-4-15360" }
    kubernetes = { max_offers_pods = 20 }
  }

  assert {
    condition     = local.max_connections == 500 && local.pool_size == 9
    error_message = "20 pods share 500 connections."
  }
}

run "connections_of_a_large_tier" {
  command = plan

  variables {
    database = { tier = "db-custom-2-7680" }
  }

  assert {
    condition     = local.max_connections == 400 && local.pool_size == 10
    error_message = "A pool is never larger than its default."
  }
}

run "too_many_pods_for_the_database" {
  command = plan

  variables {
    kubernetes = { max_offers_pods = 20 }
  }

  expect_failures = [google_sql_database_instance.this]
}
