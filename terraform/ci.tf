# The repository's workflows need no key: they exchange GitHub's token for one of this service account.
locals {
  ci = var.github_repository == null ? {} : { this = var.github_repository }
}

resource "google_iam_workload_identity_pool" "github" {
  for_each = local.ci

  workload_identity_pool_id = "${local.name}-github"
  display_name              = "GitHub Actions"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  for_each = local.ci

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[each.key].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }

  # Only this repository, and only its tags: a pull request gets no access.
  attribute_condition = "assertion.repository == '${each.value}' && assertion.ref.startsWith('refs/tags/v')"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "ci" {
  for_each = local.ci

  account_id   = "${local.name}-ci"
  display_name = "Workflows of ${each.value}"

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "ci" {
  for_each = local.ci

  service_account_id = google_service_account.ci[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[each.key].name}/attribute.repository/${each.value}"
}

resource "google_artifact_registry_repository_iam_member" "ci" {
  for_each = local.ci

  repository = google_artifact_registry_repository.images.repository_id
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.ci[each.key].member
}
