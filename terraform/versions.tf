terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # The state holds the database's password and the secret between the services: keep it in a bucket with restricted read access.
  # docs/deploy.md has the two commands that create it.
  # backend "gcs" { bucket = "…", prefix = "loan-buddy" }
}

provider "google" {
  project = var.project_id
  region  = var.region

  default_labels = local.labels
}

locals {
  labels = merge({ app = "loan-buddy", environment = var.environment }, var.labels)
  name   = "loan-buddy-${var.environment}"
}
