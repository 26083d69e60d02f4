# No secret is in the state or in a plan: ephemeral values exist only while Terraform runs, and write-only arguments are not
# stored. Secret Manager keeps them. A higher number in var.secret_versions replaces one; docs/deploy.md has the steps.
ephemeral "random_password" "database" {
  length  = 32
  special = false # it becomes part of a URL
}

resource "google_secret_manager_secret" "database_url" {
  secret_id = "${local.name}-database-url"

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_version" "database_url" {
  secret                 = google_secret_manager_secret.database_url.id
  secret_data_wo         = "postgres://loan_buddy:${ephemeral.random_password.database.result}@${google_sql_database_instance.this.private_ip_address}:5432/${google_sql_database.orders.name}?sslmode=no-verify"
  secret_data_wo_version = var.secret_versions.database

  lifecycle {
    create_before_destroy = true
  }
}

# The database's user gets the password that is in Secret Manager. Two uses of the random value could differ: after an apply
# that failed between them, the next one draws another value.
ephemeral "google_secret_manager_secret_version" "database_url" {
  secret  = google_secret_manager_secret.database_url.id
  version = google_secret_manager_secret_version.database_url.version
}

locals {
  # The URL has two colons before the password, and an @ after it.
  database_password = split("@", split(":", ephemeral.google_secret_manager_secret_version.database_url.secret_data)[2])[0]
}

# The secret between offers and confirm-payment.
ephemeral "random_password" "service_auth" {
  length  = 48
  special = false
}

resource "google_secret_manager_secret" "service_auth" {
  secret_id = "${local.name}-service-auth"

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_version" "service_auth" {
  secret                 = google_secret_manager_secret.service_auth.id
  secret_data_wo         = ephemeral.random_password.service_auth.result
  secret_data_wo_version = var.secret_versions.service_auth

  lifecycle {
    create_before_destroy = true
  }
}
