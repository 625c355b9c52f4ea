{{- /* A name of at most so many characters, the end of a longer one a hash of it all: (list NAME MOST) */ -}}
{{- define "cj.short" -}}
{{- $name := index . 0 -}}
{{- $most := index . 1 -}}
{{- if gt (len $name) $most -}}
{{ printf "%s-%s" ($name | trunc (int (sub $most 9)) | trimAll "-") ($name | sha256sum | trunc 8) }}
{{- else -}}
{{ $name }}
{{- end -}}
{{- end }}

{{- /* A release may be called 2026.1, a Service may not. */ -}}
{{- define "cj.name" -}}
{{- $name := .Release.Name | replace "." "-" -}}
{{- include "cj.short" (list (ternary (printf "cj-%s" $name) $name (regexMatch "^[0-9]" $name)) 40) -}}
{{- end }}

{{- /* Of a job by the clock: (list . "refresh") */ -}}
{{- define "cj.jobName" -}}
{{- include "cj.short" (list (printf "%s-%s" (include "cj.name" (index . 0)) (index . 1)) 52) -}}
{{- end }}

{{- /* A value as a setting reads it: on or off, and a number in full. */ -}}
{{- define "cj.text" -}}
{{- if kindIs "bool" . -}}
{{ ternary "on" "off" . }}
{{- else if kindIs "float64" . -}}
{{ eq (floor .) . | ternary (printf "%.0f" .) (toString .) }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end }}

{{- define "cj.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What tells this release's pods of one part: (list . "serve") */ -}}
{{- define "cj.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: connected-jobs
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "cj.labels" -}}
{{- $root := index . 0 -}}
{{ include "cj.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{- /* The metadata of a part's pods: (list . "serve") */ -}}
{{- define "cj.podMetadata" -}}
labels: {{- include "cj.labels" . | nindent 2 }}
{{- with (index . 0).Values.pods.annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* On which nodes pods run, by what their part says, else by what is said of all: (list . .Values.serve) */ -}}
{{- define "cj.placing" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" -}}
{{- with get $part $key | default (get $root.Values.pods $key) }}
{{ $key }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What every pod has: no token, no root, and none of the variables that Kubernetes makes of Services:
one of a Service called cj would read as a setting, CJ_PORT. */ -}}
{{- define "cj.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pods.serviceAccountName }}
serviceAccountName: {{ . | quote }}
{{- end }}
{{- with .Values.pods.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext: {{- toYaml .Values.pods.securityContext | nindent 2 }}
{{- end }}

{{- define "cj.container" -}}
image: {{ include "cj.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "cj.mounts" -}}
- {name: secrets, mountPath: /run/secrets/connected-jobs, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: data, mountPath: /var/lib/connected-jobs}
{{- end }}

{{- /* Only the keys a part needs reach it: (list . "database-url" "session-key") */ -}}
{{- define "cj.volumes" -}}
{{- $root := index . 0 -}}
- name: secrets
  secret:
    secretName: {{ $root.Values.secrets.name }}
    defaultMode: 0440
    items:
      {{- range rest . }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
- name: tmp
  emptyDir: {}
- name: data
  emptyDir: {}
{{- end }}

{{- /* A variable that stood here and in a part would count once, and nobody would know which: the part's values have it. */ -}}
{{- define "cj.env" -}}
{{- $own := dict "CJ_WORKERS" "serve.workers" "CJ_CONNECTIONS" "serve.connections" "CJ_BIND" "listen" "CJ_HEALTH_BIND" "listen" "CJ_PLANNER_BIND" "listen" "CJ_INSTANCE" "the name of each pod" "CJ_LIMITS_URI_FILE" "serve.sharedLimits" "CJ_PUBLIC_HOST" "planner.publicHost" "CJ_PREVIEW_URL" "planner" "CJ_PREVIEW_CREDENTIAL_FILE" "secrets" "CJ_SESSION_KEY_FILE" "secrets" -}}
- {name: DATABASE_URL_FILE, value: /run/secrets/connected-jobs/database-url}
- {name: CJ_PUBLIC_HOST, value: {{ .Values.planner.publicHost | quote }}}
{{- range $name, $value := .Values.settings }}
{{- with get $own $name }}
{{- fail (printf "settings.%s: this chart sets it, by %s." $name .) }}
{{- end }}
- {name: {{ $name }}, value: {{ include "cj.text" $value | quote }}}
{{- end }}
{{- end }}

{{- /* The files of values, for jobs that read one. */ -}}
{{- define "cj.filesMount" -}}
- {name: files, mountPath: /etc/connected-jobs/files, readOnly: true}
{{- end }}

{{- define "cj.filesVolume" -}}
- name: files
  configMap: {name: {{ include "cj.name" . }}-files}
{{- end }}

{{- /* The Dask cluster's settings and certificates, for whoever takes part in it. */ -}}
{{- define "cj.clusterMounts" -}}
- {name: dask, mountPath: /etc/connected-jobs/dask, readOnly: true}
- {name: cluster, mountPath: /run/secrets/cluster, readOnly: true}
{{- end }}

{{- define "cj.clusterVolumes" -}}
- name: dask
  configMap: {name: {{ include "cj.name" . }}-dask}
- name: cluster
  secret: {secretName: {{ .Values.cluster.tlsSecret }}, defaultMode: 0440}
{{- end }}
