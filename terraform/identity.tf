# One Google service account per service, used by its Kubernetes service account (Workload Identity).
resource "google_service_account" "service" {
  for_each = toset(["offers", "confirm-payment"])

  account_id   = "${local.name}-${each.key == "offers" ? "offers" : "confirm"}"
  display_name = "${each.key} of ${local.name}"

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "workload_identity" {
  for_each = google_service_account.service

  service_account_id = each.value.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project_id}.svc.id.goog[${var.kubernetes.namespace}/${var.kubernetes.release}-${each.key}]"

  depends_on = [google_container_cluster.this]
}
