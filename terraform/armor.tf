# What reaches the load balancer: limited by address, and looked at for what no honest client sends. The services have
# limits of their own, by user; this keeps floods away from them.
resource "google_compute_security_policy" "this" {
  name        = local.name
  description = "Before offers of ${local.name}"

  # The rules look at the values of a JSON body, not at its braces and quotes.
  advanced_options_config {
    json_parsing = "STANDARD"
  }

  dynamic "rule" {
    for_each = var.armor.waf_rules

    content {
      action      = "deny(403)"
      priority    = 1000 + rule.key
      description = rule.value

      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${rule.value}', {'sensitivity': 1})"
        }
      }
    }
  }

  rule {
    action      = "rate_based_ban"
    priority    = 2000
    description = "So many requests a minute of one address; more, and it is banned for a while"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action   = "allow"
      exceed_action    = "deny(429)"
      enforce_on_key   = "IP"
      ban_duration_sec = var.armor.ban_seconds

      rate_limit_threshold {
        count        = var.armor.requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "Everybody else"

    match {
      versioned_expr = "SRC_IPS_V1"

      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_compute_ssl_policy" "this" {
  name            = local.name
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.this]
}

# Google issues it once the DNS record of each domain leads to the address.
resource "google_compute_managed_ssl_certificate" "this" {
  count = length(var.domains) > 0 ? 1 : 0

  # Named for its domains: one in use cannot be changed, so another takes its place first.
  name = "${local.name}-${substr(sha256(join(",", var.domains)), 0, 8)}"

  managed {
    domains = var.domains
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.this]
}
