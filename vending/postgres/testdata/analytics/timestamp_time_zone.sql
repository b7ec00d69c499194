-- Time zones, date_bin and epochs.
SELECT date_bin('7 days', e_at AT TIME ZONE 'Europe/Berlin', timestamp '1992-01-06') AS week, count(*) AS events, sum(e_took) AS took,
       round(avg(extract(epoch FROM e_took)), 1) AS seconds
FROM tpch.event
WHERE e_at >= timestamptz '1995-01-01 00:00+00' AND e_at < timestamptz '1995-07-01 00:00+00'
GROUP BY week
ORDER BY week;
