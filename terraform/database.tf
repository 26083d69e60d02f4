locals {
  # Connections that Google allows by default, by the tier's memory in MB.
  connections_by_memory = [[122880, 1000], [61440, 800], [30720, 600], [15360, 500], [7680, 400], [6144, 200], [3840, 100], [1740, 50], [0, 25]]
  memory                = lookup({ db-f1-micro = 614, db-g1-small = 1740 }, var.database.tier, try(tonumber(regex("\\d+$", var.database.tier)), 0))
  max_connections       = [for row in local.connections_by_memory : row[1] if local.memory >= row[0]][0]

  # PostgreSQL reserves 3 connections for superusers. Google's own processes use some, the migrations 2, and an operator a few.
  other_connections = 15

  # While an upgrade replaces the pods one by one, each old pod may still be draining, and one new pod is not ready yet.
  # Beside its pool, a pod has one connection to listen and one for exports. The pool is never larger than the default.
  pool_size = min(10, floor((local.max_connections - local.other_connections) / (2 * var.kubernetes.max_offers_pods + 1)) - 2)
}

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

    # What Google would choose for the tier today. Set, because local.pool_size is computed from it.
    database_flags {
      name  = "max_connections"
      value = tostring(local.max_connections)
    }

    # No flag logs parameters of statements: they contain users' data.
    dynamic "database_flags" {
      for_each = {
        log_connections    = "on"
        log_disconnections = "on"
        log_lock_waits     = "on"
        log_statement      = "ddl"
        log_temp_files     = "0"
      }

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.pool_size >= 1
      error_message = "${var.database.tier} has ${local.max_connections} connections, too few for ${var.kubernetes.max_offers_pods} pods of offers: choose a larger database.tier, or a smaller kubernetes.max_offers_pods."
    }
  }

  depends_on = [google_service_networking_connection.private]
}

# terraform destroy deletes the database and the user with their instance: PostgreSQL refuses to delete a database in use,
# and a user that owns tables.
resource "google_sql_database" "orders" {
  name            = "loan_buddy"
  instance        = google_sql_database_instance.this.name
  deletion_policy = "ABANDON"
}

# A built-in user has the role cloudsqlsuperuser unless the API gets another list. It is named here because the migrations
# create tables in the schema public, which belongs to that role.
resource "google_sql_user" "offers" {
  name                = "loan_buddy"
  instance            = google_sql_database_instance.this.name
  database_roles      = ["cloudsqlsuperuser"]
  password_wo         = local.database_password
  password_wo_version = var.secret_versions.database
  deletion_policy     = "ABANDON"
}
