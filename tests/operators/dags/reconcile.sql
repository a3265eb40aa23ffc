-- Of {{ params.table }}
SELECT currency, id, status, amount, payer
FROM {{ params.table }}
WHERE provider = '{{ ti.task_id }}'
