# Invalid variables are refused before the plan.
variables {
  project_id = "test-project"
}

run "project_id" {
  command = plan

  variables {
    project_id = "No Project"
  }

  expect_failures = [var.project_id]
}

run "a_zone_for_a_region" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "an_environment_that_is_too_long" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "an_invalid_range" {
  command = plan

  variables {
    network = { pods_cidr = "10.20.0.0" }
  }

  expect_failures = [var.network]
}

run "no_backups" {
  command = plan

  variables {
    database = { backups = 0 }
  }

  expect_failures = [var.database]
}

run "a_repository_without_owner" {
  command = plan

  variables {
    github_repository = "loan-buddy"
  }

  expect_failures = [var.github_repository]
}

run "messages_kept_for_too_long" {
  command = plan

  variables {
    pubsub = { retention_days = 8 }
  }

  expect_failures = [var.pubsub]
}

run "too_few_deliveries" {
  command = plan

  variables {
    pubsub = { max_deliveries = 4 }
  }

  expect_failures = [var.pubsub]
}

run "events_kept_for_zero_days" {
  command = plan

  variables {
    analytics = { keep_days = 0 }
  }

  expect_failures = [var.analytics]
}

run "an_invalid_domain" {
  command = plan

  variables {
    domains = ["https://loans.example.com"]
  }

  expect_failures = [var.domains]
}

run "a_ban_for_a_second" {
  command = plan

  variables {
    armor = { ban_seconds = 1 }
  }

  expect_failures = [var.armor]
}

run "too_few_requests_per_address" {
  command = plan

  variables {
    armor = { requests_per_minute = 1 }
  }

  expect_failures = [var.armor]
}

run "a_rule_with_a_quote" {
  command = plan

  variables {
    armor = { waf_rules = ["sqli-v422-stable'"] }
  }

  expect_failures = [var.armor]
}

run "a_tier_of_another_database" {
  command = plan

  variables {
    database = { tier = "db-n1-standard-1" }
  }

  expect_failures = [var.database]
}

run "fewer_pods_than_the_chart_starts" {
  command = plan

  variables {
    kubernetes = { max_offers_pods = 2 }
  }

  expect_failures = [var.kubernetes]
}

run "a_secret_version_zero" {
  command = plan

  variables {
    secret_versions = { database = 0 }
  }

  expect_failures = [var.secret_versions]
}
