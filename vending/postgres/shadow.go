package postgres

import (
	"context"
	"database/sql/driver"
	"slices"

	"deputy/vending"
	"deputy/vending/postgres/sqltext"
)

// settleNames gives back the words that were taken for a schema's and are names of the statement's own: in
// WITH sales AS (…) SELECT sales.orders FROM sales the first word of sales.orders is no schema. PostgreSQL says which
// they are: it misses a table of the vended schema's name. Such a word can only mean what the statement names so; the
// table itself a vended role may not read.
func (v *vended) settleNames(ctx context.Context, conn any) error {
	if !v.namedLikeSchema() {
		return nil
	}
	kept := map[int]bool{} // by the place among the words that may be a schema's
	for {
		err := v.tryNames(ctx, conn)
		at := v.text.At(v.placeInText(err))
		if err == nil || state(err) != "42P01" && state(err) != "42703" || at < 0 {
			return nil // the statement's own errors are told when it is prepared
		}
		place := 0
		for n := at; n > 0 || kept[place]; place++ { // the words that are left are counted without those that are kept
			if !kept[place] {
				n--
			}
		}
		kept[place] = true
		v.text = v.requalified(kept)
	}
}

// requalified is the caller's text in which all words but those kept point to the vended schemas.
func (v *vended) requalified(kept map[int]bool) vending.Requalified {
	place := -1
	return sqltext.Dialect.Requalify(v.asked, v.database, func(schema, table string) (string, bool) {
		word, ok := v.pointed(schema, table)
		if ok {
			place++
		}
		return word, ok && !kept[place]
	})
}

// namedLikeSchema reports whether the statement has a name of its own, or a column, that is a governed schema's too.
func (v *vended) namedLikeSchema() bool {
	return slices.ContainsFunc(sqltext.Dialect.Words(v.asked), func(w vending.Word) bool {
		_, schema := v.schemas[w.Name]
		return schema && w.Dotted == ""
	})
}

// tryNames prepares the statement and undoes what an error does to the transaction.
func (v *vended) tryNames(ctx context.Context, conn any) error {
	run := func(sql string) error {
		_, err := conn.(driver.ExecerContext).ExecContext(ctx, sql, nil)
		return err
	}
	if err := run("SAVEPOINT names"); err != nil {
		return err
	}
	_, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, guard+v.text.SQL)
	if err == nil {
		return run("RELEASE SAVEPOINT names")
	}
	if undone := run("ROLLBACK TO SAVEPOINT names"); undone != nil {
		return undone
	}
	return err
}
