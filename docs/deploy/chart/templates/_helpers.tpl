{{- define "cj.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "cj.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What tells this release's pods of one part: (list . "serve") */ -}}
{{- define "cj.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: connected-jobs
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "cj.labels" -}}
{{- $root := index . 0 -}}
{{ include "cj.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{- /* What every pod has: no token, no root, and none of the variables that Kubernetes makes of Services:
one of a Service called cj would read as a setting, CJ_PORT. */ -}}
{{- define "cj.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
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

{{- define "cj.env" -}}
- {name: DATABASE_URL_FILE, value: /run/secrets/connected-jobs/database-url}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
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
