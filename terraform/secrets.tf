resource "google_secret_manager_secret" "database_url" {
  secret_id = "${local.name}-database-url"

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_version" "database_url" {
  secret      = google_secret_manager_secret.database_url.id
  secret_data = "postgres://${google_sql_user.offers.name}:${random_password.database.result}@${google_sql_database_instance.this.private_ip_address}:5432/${google_sql_database.orders.name}?sslmode=no-verify"
}

# Only offers may read it.
resource "google_secret_manager_secret_iam_member" "offers" {
  secret_id = google_secret_manager_secret.database_url.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.service["offers"].member
}

# The secret between offers and confirm-payment. Terraform creates its first version; docs/deploy.md explains how to replace it.
resource "random_password" "service_auth" {
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
  secret      = google_secret_manager_secret.service_auth.id
  secret_data = random_password.service_auth.result
}

resource "google_secret_manager_secret_iam_member" "service_auth" {
  for_each = google_service_account.service

  secret_id = google_secret_manager_secret.service_auth.id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.member
}
