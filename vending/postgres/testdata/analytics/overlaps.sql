-- OVERLAPS between periods of two rows.
SELECT a.l_orderkey, a.l_linenumber AS one, b.l_linenumber AS other
FROM lineitem a JOIN lineitem b ON b.l_orderkey = a.l_orderkey AND b.l_linenumber > a.l_linenumber
WHERE a.l_orderkey < 60 AND (a.l_shipdate, a.l_receiptdate) OVERLAPS (b.l_shipdate, b.l_receiptdate)
ORDER BY a.l_orderkey, one, other;
