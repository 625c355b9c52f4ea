{# Of each day the file that was exported last, and each row of it once: files that were appended count once, rows that are gone in the
   last one do not count. #}
{% macro latest(key) -%}
where true
qualify as_of = max(as_of) over (partition by day)
    and row_number() over (partition by day, {{ key | join(', ') }} order by as_of) = 1
{%- endmacro %}
