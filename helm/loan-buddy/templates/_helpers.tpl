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
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "loan-buddy.image" -}}
{{ printf "%s/%s:%s" .root.Values.image.registry .name (.root.Values.image.tag | default .root.Chart.AppVersion) }}
{{- end -}}

{{/* Both services, in the order of the data: what a template ranges over. */}}
{{- define "loan-buddy.services" -}}
{{- $config := dict "CONFIRM_PAYMENT_URL" (printf "http://%s:8000" (include "loan-buddy.fullname" (dict "root" . "name" "confirm-payment"))) -}}
{{- if .Values.offers.providers }}{{ $_ := set $config "PROVIDERS_FILE" "/config/providers.json" }}{{ end -}}
{{- list
  (dict "name" "offers" "port" 8080 "values" .Values.offers "config" $config)
  (dict "name" "confirm-payment" "port" 8000 "values" .Values.confirmPayment "config" dict)
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

{{- define "loan-buddy.databaseUrl" -}}
name: DATABASE_URL
valueFrom:
  secretKeyRef: { name: {{ .Values.database.secretName }}, key: {{ .Values.database.urlKey }} }
{{- end -}}

{{/* Changes with the Secret, where the cluster can be asked for it. */}}
{{- define "loan-buddy.secretChecksum" -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace .Values.database.secretName -}}
{{- $secret.data | default dict | toJson | sha256sum -}}
{{- end -}}
