variable "project_id" {
  description = "The Google Cloud project of all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "The region; resources use all of its zones. Fixed after the first apply: a change replaces everything in it, with its data."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west1, not a zone."
  }
}

variable "environment" {
  description = "Distinguishes several environments in a project; part of every name. Fixed after the first apply: another environment needs a state of its own."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "2 to 8 lower-case letters and digits, beginning with a letter."
  }
}

variable "labels" {
  description = "Additional labels on all resources that support them, beside app and environment."
  type        = map(string)
  default     = {}
}

variable "network" {
  description = "The address ranges of nodes, pods, services, Google's managed services (Cloud SQL) and the control plane. The last two are fixed after the first apply."
  type = object({
    nodes_cidr         = optional(string, "10.10.0.0/20")
    pods_cidr          = optional(string, "10.20.0.0/16")
    services_cidr      = optional(string, "10.30.0.0/20")
    private_cidr       = optional(string, "10.40.0.0/20")
    control_plane_cidr = optional(string, "172.16.0.0/28")
  })
  default = {}

  validation {
    condition     = alltrue([for cidr in values(var.network) : can(cidrhost(cidr, 0))])
    error_message = "Each must be a range such as 10.10.0.0/20."
  }

  validation {
    condition     = endswith(var.network.control_plane_cidr, "/28")
    error_message = "The control plane takes a range of exactly /28."
  }
}

variable "cluster" {
  description = "The GKE cluster. authorized_networks are the ranges that reach its control plane, by name; empty: only from within the network."
  type = object({
    release_channel     = optional(string, "REGULAR")
    authorized_networks = optional(map(string), {})
    deletion_protection = optional(bool, true)
  })
  default = {}

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE"], var.cluster.release_channel)
    error_message = "RAPID, REGULAR or STABLE."
  }
}

variable "database" {
  description = "Cloud SQL for PostgreSQL. REGIONAL adds a standby in another zone, at twice the price."
  type = object({
    tier                 = optional(string, "db-custom-1-3840")
    availability         = optional(string, "REGIONAL")
    disk_gb              = optional(number, 10)
    backups              = optional(number, 14)
    point_in_time_days   = optional(number, 7)
    deletion_protection  = optional(bool, true)
    maintenance_day      = optional(number, 7)
    maintenance_hour_utc = optional(number, 3)
  })
  default = {}

  validation {
    condition     = can(regex("^db-(f1-micro|g1-small|custom-\\d+-\\d+)$", var.database.tier))
    error_message = "db-f1-micro, db-g1-small or db-custom-CPUS-MEGABYTES."
  }

  validation {
    condition     = contains(["REGIONAL", "ZONAL"], var.database.availability)
    error_message = "REGIONAL or ZONAL."
  }

  validation {
    condition     = var.database.disk_gb >= 10 && var.database.backups >= 1
    error_message = "At least 10 GB and one backup."
  }

  validation {
    condition     = var.database.point_in_time_days >= 1 && var.database.point_in_time_days <= 7
    error_message = "Transaction logs are kept for 1 to 7 days."
  }
}

variable "pubsub" {
  description = "How many days messages are kept, and after how many deliveries a message between the services becomes a dead letter."
  type = object({
    retention_days = optional(number, 7)
    max_deliveries = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.pubsub.retention_days >= 1 && var.pubsub.retention_days <= 7
    error_message = "A subscription keeps messages for 1 to 7 days."
  }

  validation {
    condition     = var.pubsub.max_deliveries >= 5 && var.pubsub.max_deliveries <= 100
    error_message = "5 to 100 deliveries."
  }
}

variable "analytics" {
  description = "The events in BigQuery. keep_days is how long they are kept; null: forever."
  type = object({
    keep_days           = optional(number)
    deletion_protection = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.analytics.keep_days == null || try(var.analytics.keep_days >= 1, false)
    error_message = "At least a day, or null."
  }
}

variable "domains" {
  description = "The host names of offers, for a certificate from Google; empty: no certificate."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for domain in var.domains : can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$", domain))])
    error_message = "Host names such as loans.example.com."
  }
}

variable "armor" {
  description = "Cloud Armor: allowed requests per minute and address, how long an address beyond that is banned, and which of Google's rules apply."
  type = object({
    requests_per_minute = optional(number, 1200)
    ban_seconds         = optional(number, 300)
    waf_rules = optional(list(string), [
      "sqli-v422-stable",
      "xss-v422-stable",
      "lfi-v422-stable",
      "rce-v422-stable",
      "protocolattack-v422-stable",
      "cve-canary",
    ])
  })
  default = {}

  validation {
    condition     = var.armor.requests_per_minute >= 10 && var.armor.requests_per_minute <= 10000
    error_message = "10 to 10000 requests a minute."
  }

  validation {
    condition     = var.armor.ban_seconds >= 60 && var.armor.ban_seconds <= 86400
    error_message = "A minute to a day."
  }

  validation {
    condition     = alltrue([for rule in var.armor.waf_rules : can(regex("^[a-z0-9-]+$", rule))])
    error_message = "Names of preconfigured rules, such as sqli-v422-stable."
  }
}

variable "kubernetes" {
  description = "Namespace and release of the chart; Workload Identity binds to its service accounts. max_offers_pods is how many pods of offers autoscaling may start: they share the database's connections."
  type = object({
    namespace       = optional(string, "loan-buddy")
    release         = optional(string, "loan-buddy")
    max_offers_pods = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.kubernetes.max_offers_pods >= 3 && floor(var.kubernetes.max_offers_pods) == var.kubernetes.max_offers_pods
    error_message = "At least three pods, the minimum of values-gke.yaml."
  }
}

variable "secret_versions" {
  description = "A higher number replaces the database's password or the secret between the services; docs/deploy.md has the steps."
  type = object({
    database     = optional(number, 1)
    service_auth = optional(number, 1)
  })
  default = {}

  validation {
    condition     = alltrue([for number in values(var.secret_versions) : number >= 1 && floor(number) == number])
    error_message = "Whole numbers from 1."
  }
}

variable "github_repository" {
  description = "owner/name of the repository whose workflows may push images; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "owner/name."
  }
}
