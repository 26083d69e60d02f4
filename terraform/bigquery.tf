# All order events, for analysis. Pub/Sub writes them, without a process of ours.
resource "google_bigquery_dataset" "analytics" {
  dataset_id  = replace(local.name, "-", "_")
  description = "Events of the orders of ${local.name}."
  location    = var.region

  depends_on = [google_project_service.this]
}

resource "google_bigquery_table" "order_events" {
  dataset_id          = google_bigquery_dataset.analytics.dataset_id
  table_id            = "order_events"
  description         = "One row per delivery of an event: an event may appear twice, with the same source and id."
  schema              = file("${path.module}/schemas/order-events.json")
  clustering          = ["type"]
  deletion_protection = var.analytics.deletion_protection

  time_partitioning {
    type          = "DAY"
    field         = "time"
    expiration_ms = var.analytics.keep_days == null ? null : var.analytics.keep_days * 86400000
  }
}

resource "google_bigquery_table_iam_member" "pubsub" {
  for_each = toset(["roles/bigquery.dataEditor", "roles/bigquery.metadataViewer"])

  dataset_id = google_bigquery_dataset.analytics.dataset_id
  table_id   = google_bigquery_table.order_events.table_id
  role       = each.key
  member     = local.pubsub_agent

  # In a new project, Google may create Pub/Sub's own identity only with the first topic.
  depends_on = [google_pubsub_topic.this]
}

resource "google_pubsub_subscription" "analytics" {
  name                       = "${local.name}-order-events-bigquery"
  topic                      = google_pubsub_topic.this["order-events"].id
  message_retention_duration = "${var.pubsub.retention_days * 86400}s"

  bigquery_config {
    table               = "${var.project_id}.${google_bigquery_dataset.analytics.dataset_id}.${google_bigquery_table.order_events.table_id}"
    use_table_schema    = true
    drop_unknown_fields = true
  }

  expiration_policy {
    ttl = ""
  }

  # BigQuery may be down for a while. The delay before the next delivery doubles from ten seconds up to ten minutes: the
  # first six take ten minutes together, the 93 after them ten minutes each. So with a hundred deliveries, Pub/Sub's
  # maximum, an event goes to the dead letters only after more than fifteen hours.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this["dead-letters"].id
    max_delivery_attempts = 100
  }

  # Google refuses the subscription until the grants are in force, which takes minutes. The database takes longer to create,
  # so waiting for it is enough; a timer would need one more provider.
  depends_on = [google_bigquery_table_iam_member.pubsub, google_sql_database_instance.this]
}

locals {
  # Each event once, even if it was delivered repeatedly.
  events_once = <<-SQL
    select * from `${var.project_id}.${google_bigquery_dataset.analytics.dataset_id}.${google_bigquery_table.order_events.table_id}`
    where true
    qualify row_number() over (partition by source, id order by time) = 1
  SQL
}

resource "google_bigquery_table" "approvals" {
  dataset_id          = google_bigquery_dataset.analytics.dataset_id
  table_id            = "approvals_by_provider_and_day"
  deletion_protection = false

  view {
    use_legacy_sql = false
    query          = <<-SQL
      with events as (
      ${local.events_once})
      select
        date(time) as day,
        data.provider as provider,
        countif(data.status = 'APPROVED') as approved,
        countif(data.status = 'REJECTED') as rejected,
        sum(if(data.status = 'APPROVED', data.amount, 0)) as amount_approved
      from events
      where type in ('com.loanbuddy.order.approved', 'com.loanbuddy.order.rejected')
      group by day, provider
    SQL
  }
}

resource "google_bigquery_table" "time_to_decision" {
  dataset_id          = google_bigquery_dataset.analytics.dataset_id
  table_id            = "time_to_decision_by_day"
  deletion_protection = false

  view {
    use_legacy_sql = false
    query          = <<-SQL
      with events as (
      ${local.events_once}), decided as (
        select date(time) as day, timestamp_diff(time, data.created_at, millisecond) as took_ms
        from events
        where type in ('com.loanbuddy.order.approved', 'com.loanbuddy.order.rejected')
      )
      select
        day,
        count(*) as decisions,
        approx_quantiles(took_ms, 100)[offset(50)] as p50_ms,
        approx_quantiles(took_ms, 100)[offset(95)] as p95_ms,
        approx_quantiles(took_ms, 100)[offset(99)] as p99_ms
      from decided
      group by day
    SQL
  }
}
