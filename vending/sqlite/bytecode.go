package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deputy/vending/sqlite/sqltext"
)

// program is what the byte code of a prepared statement touches. It is SQLite's last word about what the statement will
// read: the authorizer is not asked about columns that only a USING or a NATURAL JOIN names, but no row comes out of a
// b-tree that is not opened.
type program struct {
	trees     []tree   // each once
	modules   []string // the virtual tables, each once, as EXPLAIN writes their addresses: good for one connection
	functions []string // folded, each once
}

// tree is a b-tree: a table or an index of one of the connection's databases.
type tree struct{ database, root int }

var errProgram = errors.New("the byte code does something that a read does not do")

// isRegister in P5 says that P2 is the number of a register, whose value is known when the statement runs.
const isRegister = 0x10

// harmless are the instructions that reach no b-tree but through a cursor that another one has opened. An instruction
// that stands neither here nor in add is refused, also those of a later SQLite.
var harmless = set(`
	Init Goto Gosub Return BeginSubrtn InitCoroutine EndCoroutine Yield Halt HaltIfNull MustBeInt Jump Once If IfNot
	IfPos IfNotZero IfNullRow IfNotOpen IfNoHope IfSizeBetween IfEmpty IsType IsNull NotNull Not IsTrue ZeroOrNull
	DecrJumpZero ElseEq OffsetLimit Integer Int64 Real String String8 Blob Null SoftNull Variable Move Copy SCopy
	IntCopy MemMax AddImm Cast Affinity RealAffinity Add Subtract Multiply Divide Remainder Concat BitAnd BitOr
	BitNot ShiftLeft ShiftRight And Or Eq Ne Lt Le Gt Ge Compare Permutation CollSeq ClrSubtype GetSubtype
	SetSubtype Column Offset Rowid IdxRowid RowData NullRow MakeRecord ResultRow Count ColumnsUsed Sequence
	SequenceTest CursorHint Rewind Next Prev Last Sort SorterSort SorterNext SorterCompare SorterData SorterInsert
	SorterOpen ResetSorter SeekLT SeekLE SeekGE SeekGT SeekRowid SeekScan SeekHit SeekEnd DeferredSeek FinishSeek
	NotExists Found NotFound NoConflict IdxLE IdxGT IdxLT IdxGE Filter FilterAdd RowSetAdd RowSetRead RowSetTest
	RowCell OpenEphemeral OpenAutoindex OpenPseudo OpenDup Close NewRowid Insert Delete IdxInsert IdxDelete VInitIn
	VFilter VColumn VNext Explain Noop Trace ReleaseReg Abortable
`)

// explain lists what the byte code of a statement touches without running it. The statement must have been prepared
// already: EXPLAIN takes functions that are not there.
func (c conn) explain(sql string) (*program, error) {
	stmt, tail, err := c.Prepare("EXPLAIN " + sql)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	if stmt == nil || tail != "" {
		return nil, errProgram
	}
	p := &program{}
	for stmt.Step() {
		if err := p.add(stmt); err != nil {
			return nil, err
		}
	}
	return p, stmt.Err()
}

// The columns of EXPLAIN.
const (
	opcode = 1
	p2     = 3
	p3     = 4
	p4     = 5
	p5     = 6
)

func (p *program) add(op row) error {
	switch name := op.ColumnText(opcode); name {
	case "OpenRead", "ReopenIdx":
		if op.ColumnInt(p5)&isRegister != 0 {
			return fmt.Errorf("%w: %s of a register", errProgram, name)
		}
		p.trees = appendNew(p.trees, tree{database: op.ColumnInt(p3), root: op.ColumnInt(p2)})
	case "VOpen":
		p.modules = appendNew(p.modules, op.ColumnText(p4))
	case "Function", "PureFunc", "AggStep", "AggStep1", "AggInverse", "AggValue", "AggFinal":
		called := op.ColumnText(p4)
		p.functions = appendNew(p.functions, sqltext.Fold(called[:max(strings.LastIndexByte(called, '('), 0)]))
	case "Transaction":
		if op.ColumnInt(p2) != 0 {
			return fmt.Errorf("%w: it writes", errProgram)
		}
	default:
		if !harmless[name] {
			return fmt.Errorf("%w: %s", errProgram, name)
		}
	}
	return nil
}

func appendNew[T comparable](list []T, item T) []T {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}

// tableModules returns the modules of the table functions that may stand in FROM, as explain names them.
func (c conn) tableModules() ([]string, error) {
	var modules []string
	for name := range tableFunctions {
		p, err := c.explain(`SELECT 1 FROM main.` + name + `(1, 1)`)
		if err != nil {
			return nil, fmt.Errorf("finding the table function %s: %w", name, err)
		}
		modules = append(modules, p.modules...)
	}
	return modules, nil
}
