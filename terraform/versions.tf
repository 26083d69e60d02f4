terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source = "hashicorp/google"
      # Before 7.4, a disk that has grown replaces the database; 7.18 has the roles of a database's user.
      version = ">= 7.18, < 9.0"
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.7.1, < 4.0"
    }
  }

  # The state holds no secret, but describes the whole installation: keep it in a bucket with restricted read access.
  # docs/deploy.md has the commands that create the bucket. Then uncomment this:
  # backend "gcs" {
  #   bucket = "MY_PROJECT-terraform"
  #   prefix = "loan-buddy"
  # }
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
