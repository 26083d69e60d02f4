resource "google_sql_database_instance" "this" {
  name                = local.name
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.database.deletion_protection

  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.database.tier
    availability_type           = var.database.availability
    disk_size                   = var.database.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.database.deletion_protection
    user_labels                 = local.labels

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = var.database.point_in_time_days

      backup_retention_settings {
        retained_backups = var.database.backups
      }
    }

    maintenance_window {
      day          = var.database.maintenance_day
      hour         = var.database.maintenance_hour_utc
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled = true
    }
  }

  depends_on = [google_service_networking_connection.private]
}

resource "google_sql_database" "orders" {
  name     = "loan_buddy"
  instance = google_sql_database_instance.this.name
}

resource "random_password" "database" {
  length  = 32
  special = false # it becomes part of a URL
}

resource "google_sql_user" "offers" {
  name     = "loan_buddy"
  instance = google_sql_database_instance.this.name
  password = random_password.database.result
}
