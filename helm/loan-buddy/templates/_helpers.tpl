{{- define "loan-buddy.fullname" -}}
{{- printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "loan-buddy.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "loan-buddy.labels" -}}
{{ include "loan-buddy.selector" . }}
app.kubernetes.io/part-of: loan-buddy
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | trimAll "-._" | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "loan-buddy.image" -}}
{{ printf "%s/%s:%s" .root.Values.image.registry .name (.root.Values.image.tag | default .root.Chart.AppVersion) }}
{{- end -}}

{{/* Both services, for templates to range over. */}}
{{- define "loan-buddy.services" -}}
{{- $config := dict "CONFIRM_PAYMENT_URL" (printf "http://%s:8000" (include "loan-buddy.fullname" (dict "root" . "name" "confirm-payment"))) -}}
{{- if .Values.offers.providers }}{{ $_ := set $config "PROVIDERS_FILE" "/config/providers.json" }}{{ end -}}
{{- if .Values.caCertificates.configMapName }}{{ $_ := set $config "NODE_EXTRA_CA_CERTS" "/config/ca.crt" }}{{ end -}}
{{- $confirmPaymentConfig := dict -}}
{{- if .Values.pubsub.approval -}}
{{- range list $config $confirmPaymentConfig }}{{ $_ := set . "APPROVAL_TRANSPORT" "pubsub" }}{{ $_ := set . "PUBSUB_PROJECT_ID" $.Values.pubsub.projectId }}{{ end -}}
{{- end -}}
{{- if .Values.pubsub.events }}{{ $_ := set $config "EVENT_BUS" "pubsub" }}{{ $_ := set $config "PUBSUB_PROJECT_ID" .Values.pubsub.projectId }}{{ end -}}
{{- if .Values.smtp.secretName }}{{ $_ := set $config "SMTP_FROM" .Values.smtp.from }}{{ end -}}
{{- range list $config $confirmPaymentConfig }}{{ $_ := set . "AUTH_MODE" $.Values.auth.mode }}{{ end -}}
{{- if eq .Values.auth.mode "jwt" -}}
{{- $_ := set $config "AUTH_ISSUER" .Values.auth.issuer -}}
{{- $_ := set $config "AUTH_AUDIENCE" .Values.auth.audience -}}
{{- $_ := set $config "AUTH_JWKS_URL" .Values.auth.jwksUrl -}}
{{- $_ := set $config "AUTH_PUBLIC_OFFERS" .Values.auth.publicOffers -}}
{{- end -}}
{{- /* An unquoted on or off is a boolean in YAML. */ -}}
{{- $rateLimit := .Values.rateLimit.mode -}}
{{- if kindIs "bool" $rateLimit }}{{ $rateLimit = ternary "on" "off" $rateLimit }}{{ end -}}
{{- with $rateLimit }}{{ $_ := set $config "RATE_LIMIT" . }}{{ end -}}
{{- $_ := set $config "RATE_LIMIT_READS" (int .Values.rateLimit.reads) -}}
{{- $_ := set $config "RATE_LIMIT_WRITES" (int .Values.rateLimit.writes) -}}
{{- $_ := set $config "TRUST_PROXY" (int .Values.trustProxy) -}}
{{- $_ := set $config "PAGE" (ternary "on" "off" .Values.page.enabled) -}}
{{- with .Values.corsOrigins }}{{ $_ := set $config "CORS_ORIGINS" (join "," .) }}{{ end -}}
{{- if .Values.tracing.endpoint -}}
{{- range list $config $confirmPaymentConfig }}{{ $_ := mergeOverwrite . $.Values.tracing.config (dict "OTEL_EXPORTER_OTLP_ENDPOINT" $.Values.tracing.endpoint) }}{{ end -}}
{{- end -}}
{{- list
  (dict "name" "offers" "port" 8080 "values" .Values.offers "config" $config)
  (dict "name" "confirm-payment" "port" 8000 "values" .Values.confirmPayment "config" $confirmPaymentConfig)
  | toJson -}}
{{- end -}}

{{- define "loan-buddy.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "loan-buddy.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "loan-buddy.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "loan-buddy.databaseUrl" -}}
name: DATABASE_URL
valueFrom:
  secretKeyRef: { name: {{ .Values.database.secretName }}, key: {{ .Values.database.urlKey }} }
{{- end -}}

{{/* The file of NODE_EXTRA_CA_CERTS, as a source of a projected volume. */}}
{{- define "loan-buddy.caCertificates" -}}
configMap:
  name: {{ .Values.caCertificates.configMapName }}
  items: [{ key: {{ .Values.caCertificates.key }}, path: ca.crt }]
{{- end -}}

{{- define "loan-buddy.dnsEgress" -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}

{{/* Egress to PostgreSQL and to DNS. */}}
{{- define "loan-buddy.databaseEgress" -}}
{{ include "loan-buddy.dnsEgress" . }}
- ports:
    - { port: 5432 }
  {{- if .Values.database.inCluster.enabled }}
  to:
    - podSelector:
        matchLabels: {{- include "loan-buddy.selector" (dict "root" . "name" "postgres") | nindent 10 }}
  {{- else if .Values.database.egressTo }}
  to: {{- toYaml .Values.database.egressTo | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Egress to Google's APIs and to the metadata server of Workload Identity. */}}
{{- define "loan-buddy.googleEgress" -}}
- to:
    - ipBlock: { cidr: 169.254.169.254/32 }
    - ipBlock: { cidr: 169.254.169.252/32 }
  ports:
    - { port: 80 }
    - { port: 988 }
{{- end -}}

{{/* Egress to the collector of traces. */}}
{{- define "loan-buddy.tracingEgress" -}}
{{- $url := urlParse .Values.tracing.endpoint -}}
- ports:
    - { port: {{ regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary 443 80 (eq $url.scheme "https")) }} }
  to: {{- toYaml .Values.networkPolicy.tracesTo | nindent 4 }}
{{- end -}}

{{- define "loan-buddy.internetEgress" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
  ports:
    - { port: {{ . }} }
{{- end -}}

{{/* Changes with the Secrets and the CAs, if the chart can look them up in the cluster. */}}
{{- define "loan-buddy.lookupChecksum" -}}
{{- $data := list -}}
{{- range without (list .Values.database.secretName .Values.smtp.secretName .Values.auth.secretName) "" -}}
{{- $data = append $data (lookup "v1" "Secret" $.Release.Namespace .).data -}}
{{- end -}}
{{- with .Values.caCertificates.configMapName -}}
{{- $data = append $data (lookup "v1" "ConfigMap" $.Release.Namespace .).data -}}
{{- end -}}
{{- $data | toJson | sha256sum -}}
{{- end -}}
