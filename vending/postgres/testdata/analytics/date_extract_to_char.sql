-- Parts of dates, weekdays and formats.
SELECT extract(isodow FROM o_orderdate) AS weekday, to_char(min(o_orderdate), 'IYYY-"W"IW') AS first_week, count(*) AS orders,
       count(*) FILTER (WHERE extract(quarter FROM o_orderdate) = 4) AS in_autumn, min(date_part('doy', o_orderdate)) AS earliest
FROM orders
GROUP BY extract(isodow FROM o_orderdate)
ORDER BY weekday;
