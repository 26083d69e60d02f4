# Topics and subscriptions between the services, and the topic of events for others. docs/events.md describes the messages.
locals {
  topic_ids = toset(["checkouts", "decisions", "order-events", "dead-letters"])

  # Topic and the service that reads it.
  workers = {
    checkouts = "confirm-payment"
    decisions = "offers"
  }

  # Topic and its publishers.
  publishers = {
    checkouts    = "offers"
    decisions    = "confirm-payment"
    order-events = "offers"
  }

  # Pub/Sub's own identity, which forwards dead letters and writes to BigQuery.
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

data "google_project" "this" {
  project_id = var.project_id

  depends_on = [google_project_service.first]
}

resource "google_pubsub_topic" "this" {
  for_each = local.topic_ids

  name                       = "${local.name}-${each.key}"
  message_retention_duration = "${var.pubsub.retention_days * 86400}s"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this]
}

# Not ordered: a message whose reader died would hold back all later messages of its order. No retry policy: it would
# also delay the messages of a process that was killed. The services pause before they give a message back.
resource "google_pubsub_subscription" "work" {
  for_each = local.workers

  name                       = "${local.name}-${each.key}-${each.value}"
  topic                      = google_pubsub_topic.this[each.key].id
  ack_deadline_seconds       = 10
  message_retention_duration = "${var.pubsub.retention_days * 86400}s"

  expiration_policy {
    ttl = ""
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this["dead-letters"].id
    max_delivery_attempts = var.pubsub.max_deliveries
  }
}

# Keeps the dead letters for an operator to inspect.
resource "google_pubsub_subscription" "dead_letters" {
  name                       = "${local.name}-dead-letters"
  topic                      = google_pubsub_topic.this["dead-letters"].id
  message_retention_duration = "${var.pubsub.retention_days * 86400}s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishers

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.service[each.value].member
}

# At start, a service checks its topics and subscriptions, and refuses to start if one is missing.
resource "google_pubsub_topic_iam_member" "viewer" {
  for_each = local.publishers

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.viewer"
  member = google_service_account.service[each.value].member
}

# This check includes the dead-letter topic.
resource "google_pubsub_topic_iam_member" "dead_letters_viewer" {
  for_each = toset(values(local.workers))

  topic  = google_pubsub_topic.this["dead-letters"].id
  role   = "roles/pubsub.viewer"
  member = google_service_account.service[each.value].member
}

resource "google_pubsub_subscription_iam_member" "subscriber" {
  for_each = local.workers

  subscription = google_pubsub_subscription.work[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.service[each.value].member
}

resource "google_pubsub_subscription_iam_member" "viewer" {
  for_each = local.workers

  subscription = google_pubsub_subscription.work[each.key].id
  role         = "roles/pubsub.viewer"
  member       = google_service_account.service[each.value].member
}

# Pub/Sub forwards dead letters: it reads them from the subscription and publishes them.
resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = google_pubsub_topic.this["dead-letters"].id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  for_each = merge(
    { for key, subscription in google_pubsub_subscription.work : key => subscription.id },
    { analytics = google_pubsub_subscription.analytics.id },
  )

  subscription = each.value
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
