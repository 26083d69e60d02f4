# What the services tell each other, and whoever else wants to know. docs/events.md describes the messages.
locals {
  topic_ids = toset(["checkouts", "decisions", "order-events", "dead-letters"])

  # Who reads which of them for work.
  workers = {
    checkouts = "confirm-payment"
    decisions = "offers"
  }

  # Who publishes to which.
  publishers = {
    checkouts    = "offers"
    decisions    = "confirm-payment"
    order-events = "offers"
  }

  # Pub/Sub itself, where it forwards messages for us.
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

data "google_project" "this" {
  project_id = var.project_id
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

# Not in order: a message that somebody died with would hold back all later ones of its order.
resource "google_pubsub_subscription" "work" {
  for_each = local.workers

  name                       = "${local.name}-${each.key}-${each.value}"
  topic                      = google_pubsub_topic.this[each.key].id
  ack_deadline_seconds       = 20
  message_retention_duration = "${var.pubsub.retention_days * 86400}s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.this["dead-letters"].id
    max_delivery_attempts = var.pubsub.max_deliveries
  }
}

# So that what nobody can handle is kept, and can be looked at.
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

# A service looks at its start whether what it needs is there, and does not start where it is not.
resource "google_pubsub_topic_iam_member" "viewer" {
  for_each = local.publishers

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.viewer"
  member = google_service_account.service[each.value].member
}

# Where what it cannot handle goes to is part of that.
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

# Dead letters are forwarded by Pub/Sub: it takes them from the subscription and publishes them.
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
