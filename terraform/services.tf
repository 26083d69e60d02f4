# Terraform itself needs these two, so docs/deploy.md enables them before the first apply. Apart from the others: the read of
# the project waits for them, and a new API in the other list would defer that read to the apply. Then its number, and
# with it each grant to Pub/Sub, would look new and be replaced.
resource "google_project_service" "first" {
  for_each = toset(["cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com"])

  service            = each.key
  disable_on_destroy = false
}

resource "google_project_service" "this" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "pubsub.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
    "sts.googleapis.com",
  ])

  service            = each.key
  disable_on_destroy = false

  depends_on = [google_project_service.first]
}
