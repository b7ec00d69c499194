package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

// setUp says to the operator which of a database's own arrangements an error comes from; nil where it is none.
func setUp(err error) error {
	var pe *pq.Error
	switch {
	case !errors.As(err, &pe):
		return nil
	case pe.Code == "25006":
		return fmt.Errorf("the database takes no write, which vending needs: the dsn has to lead to a writable "+
			"primary, and neither to a standby nor to a database that is read-only: %w", cause(err))
	case strings.Contains(pe.Where, "PL/pgSQL function"):
		_, function, _ := strings.Cut(pe.Where, "PL/pgSQL function ")
		function, _, _ = strings.Cut(function, " ")
		return fmt.Errorf("a function of the database's own, as an event trigger calls it, fails for Deputy's roles: "+
			"ALTER FUNCTION %s SECURITY DEFINER, or let it leave them out: %w", function, cause(err))
	}
	return nil
}
