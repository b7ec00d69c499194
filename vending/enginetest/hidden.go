package enginetest

import "strings"

// Hidden are questions about what a caller may not know of, in the words of the seed: the table secret_salaries, the
// values under the mask of customer_orders.lastname, the rows, statistics, indexes and names around them. Two databases
// that differ in absent_one else must answer each of them, and each of Attacks, with the same words. Many are nonsense to
// one engine or the other.
func Hidden() []Attack {
	return family("hidden",
		"the wrong column of a hidden table", `SELECT absent_one FROM secret_salaries`,
		"the wrong column of a hidden table in the schema", `SELECT absent_one FROM sales.secret_salaries`,
		"a column and a hidden table", `SELECT region, absent_one FROM customer_orders, secret_salaries`,
		"a hidden table and a wrong function", `SELECT absent_one(1) FROM secret_salaries`,
		"a forbidden function and a hidden table", `SELECT pg_sleep(0), randomblob(4) FROM secret_salaries`,
		"a hidden table and a syntax error", `SELECT name FROM secret_salaries WHERE`,
		"a hidden table behind a wrong column", `SELECT absent_one FROM customer_orders WHERE EXISTS (SELECT 1 FROM secret_salaries)`,
		"a hidden table as a function", `SELECT * FROM secret_salaries(1)`,
		"a hidden table's alias", `SELECT s.name FROM secret_salaries AS s`,
		"a hidden table's name for an alias", `SELECT secret_salaries.region FROM customer_orders AS secret_salaries ORDER BY 1`,
		"a hidden table's name for a column", `SELECT secret_salaries FROM customer_orders`,
		"a hidden table's column of a visible one", `SELECT salary FROM customer_orders`,
		"a hidden table's name for a common table expression", `WITH secret_salaries AS (SELECT 1 AS k) SELECT count(*), max(k) FROM secret_salaries`,
		"a common table expression that is not used", `WITH c AS (SELECT * FROM secret_salaries) SELECT count(*) FROM customer_orders`,
		"a hidden table in a branch that is not taken", `SELECT region FROM customer_orders WHERE 1 = 2 AND EXISTS (SELECT 1 FROM secret_salaries)`,
		"joined by name", `SELECT count(*) FROM (SELECT 'x' AS name) AS v JOIN secret_salaries USING (name)`,
		"joined by all names", `SELECT count(*) FROM (SELECT 'x' AS name) AS v NATURAL JOIN secret_salaries`,
		"joined by a name that is not there", `SELECT count(*) FROM customer_orders JOIN secret_salaries USING (absent_one)`,
		"joined by a name that only the hidden table has", `SELECT count(*) FROM customer_orders JOIN secret_salaries USING (salary)`,
		"visible, joined by the masked column", `SELECT count(*) FROM customer_orders a JOIN customer_orders b USING (lastname)`,
		"visible, joined by all names to itself", `SELECT count(*) FROM customer_orders a NATURAL JOIN customer_orders b`,
		"as a set", `SELECT region FROM customer_orders WHERE region IN secret_salaries`,
		"by an index", `SELECT region FROM customer_orders INDEXED BY by_lastname ORDER BY 1`,
		"by an index of a hidden table", `SELECT 1 FROM secret_salaries INDEXED BY by_name`,
		"by no index", `SELECT region FROM customer_orders NOT INDEXED ORDER BY 1`,
		"by an automatic index", `SELECT region FROM customer_orders INDEXED BY sqlite_autoindex_customer_orders_1`,
		"an index as a table", `SELECT * FROM by_lastname`,
		"statistics", `SELECT stat FROM sqlite_stat1`, "the wrong column of statistics", `SELECT absent_one FROM sqlite_stat1`,
		"statistics, counted", `SELECT count(*) FROM sqlite_stat1`, "statistics of the schema", `SELECT absent_one FROM sales.sqlite_stat1`,
		"statistics, joined by name", `SELECT count(*) FROM (SELECT 'secret_salaries' AS tbl) AS v JOIN sqlite_stat1 USING (tbl)`,
		"samples", `SELECT count(*) FROM (SELECT 1 AS x) AS v NATURAL JOIN sqlite_stat4`, "samples, wrong", `SELECT absent_one FROM sqlite_stat4`,
		"sequences", `SELECT count(*) FROM (SELECT 'x' AS name) AS v NATURAL JOIN sqlite_sequence`,
		"sequences, wrong", `SELECT absent_one FROM sqlite_sequence`, "sequences, set", `SELECT 1 WHERE 1 NOT IN sqlite_sequence`,
		"the schema table", `SELECT count(*) FROM (SELECT 'secret_salaries' AS name) AS v NATURAL JOIN sqlite_schema`,
		"the schema table, wrong", `SELECT absent_one FROM sqlite_master`,
		"the temporary schema table", `SELECT count(*) FROM (SELECT 'secret_salaries' AS name) AS v JOIN sqlite_temp_schema USING (name)`,
		"the temporary schema table, qualified", `SELECT count(*) FROM (SELECT 'view' AS type) AS v NATURAL JOIN temp.sqlite_master`,
		"the schema's schema table", `SELECT count(*) FROM (SELECT 'secret_salaries' AS name) AS v NATURAL JOIN sales.sqlite_schema`,
		"pragmas", `SELECT count(*) FROM (SELECT 'secret_salaries' AS name) AS v NATURAL JOIN pragma_table_list`,
		"pragmas of a hidden table", `SELECT count(*) FROM (SELECT 0 AS cid) AS v NATURAL JOIN pragma_table_info('secret_salaries')`,
		"a name with a quote", `SELECT count(*) FROM (SELECT 1 AS k) AS v NATURAL JOIN "quo""ted"`, "a name with a quote, wrong", `SELECT x FROM "quo""ted"`,
		"a name with an accent", `SELECT x FROM "naïve 表"`, "a name with an accent, joined", `SELECT count(*) FROM (SELECT 1 AS k) AS v NATURAL JOIN "naïve 表"`,
		"a keyword", `SELECT x FROM "select"`, "a keyword, joined", `SELECT count(*) FROM (SELECT 1 AS k) AS v JOIN "SELECT" USING (k)`,
		"an empty name", `SELECT x FROM ""`, "an empty name, joined", `SELECT count(*) FROM (SELECT 1 AS k) AS v NATURAL JOIN ""`,
		"a view", `SELECT x FROM staff`, "a view, joined", `SELECT count(*) FROM (SELECT 1 AS k) AS v NATURAL JOIN staff`,
		"a view in the schema", `SELECT count(*) FROM sales.staff`, "a table with generated columns", `SELECT x FROM made`,
		"a table without row numbers", `SELECT x FROM flat`, "a table without row numbers, joined", `SELECT count(*) FROM (SELECT 1 AS k) AS v NATURAL JOIN flat`,
		"its row numbers", `SELECT rowid FROM flat`, "a table of words", `SELECT x FROM docs WHERE docs MATCH 'x'`,
		"what is behind a table of words", `SELECT count(*) FROM (SELECT 1 AS id) AS v NATURAL JOIN docs_content`,
		"a trigger", `SELECT * FROM tr`, "the first row of an order of its own", `SELECT order_total FROM customer_orders ORDER BY lastname, order_total LIMIT 1`,
		"the number of different values", `SELECT count(DISTINCT lastname), min(lastname), max(lastname) FROM customer_orders`,
		"groups", `SELECT lastname, count(*) FROM customer_orders GROUP BY lastname`,
	)
}

// Unsaid are statements that do not say in which order they want their rows. The order must not tell what is under a
// mask.
func Unsaid() []Attack {
	return family("order",
		"rows", `SELECT region, order_total FROM customer_orders`, "one row", `SELECT order_total FROM customer_orders LIMIT 1`,
		"the masked column", `SELECT lastname, order_total FROM customer_orders`, "two of five", `SELECT region FROM customer_orders LIMIT 2 OFFSET 2`,
		"a running number", `SELECT row_number() OVER (), order_total FROM customer_orders`,
		"a list", strings.ReplaceAll(`SELECT string_agg(order_total_, ',') FROM (SELECT CAST(order_total AS text) AS order_total_ FROM customer_orders) AS x`, "_", "1"),
	)
}
