# Limits requests by address at the load balancer, and refuses known attacks. The services have their own limits by user;
# this keeps floods away from them.
resource "google_compute_security_policy" "this" {
  name        = local.name
  description = "Protects offers of ${local.name}"

  # The rules check the values of a JSON body, not its braces and quotes.
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
    description = "Rate limit per address; bans an address that exceeds it"

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
    description = "All other requests"

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

# Google issues it once the DNS record of each domain points to the address.
resource "google_compute_managed_ssl_certificate" "this" {
  count = length(var.domains) > 0 ? 1 : 0

  # Named after its domains: a certificate in use cannot change, so a new one replaces it first.
  name = "${local.name}-${substr(sha256(join(",", var.domains)), 0, 8)}"

  managed {
    domains = var.domains
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.this]
}
