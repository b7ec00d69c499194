package nodetree

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"deputy/internal/testkit/throwaway"
)

// numbers are the fields that hold numbers of objects, or may be mistaken for such, as the server's own program writes
// them. PostgreSQL has one way to write both an object id and another unsigned number.
var numbers = regexp.MustCompile(` :([A-Za-z_]+) %u`)

// elsewhere are such fields of plans and of statements that are no reads: no tree that the gate looks at has them. A
// new major's field is put here only after a look at what has it.
var elsewhere = words(
	`aggsortop amflags baserestrict_min_security child_relid child_reltype combinefn_oid con_relid confrelid conoid
	conrelid constraint cvarno deserialfn_oid ec_collation ec_max_security ec_min_security ec_sortref em_datatype
	est_entries exclRelRTI finalfn_oid firstColCollation firstColType flags fs_server hashValue hasheqoperator
	hashjoinoperator indexOid indexid indexoid infercollid inferopclass lastPHId lastRowMarkId left_hasheqoperator
	msfcollid msftype nominalRelation oid ojrelid oldCreateSubid oldFirstRelfilelocatorSubid oldFirstRelfilenodeSubid
	oldNode oldNumber old_pktable_oid options ownerId pages parent_relid parent_reloid parent_reltype phid phlevelsup
	pk_opfamily prti qual_security_level query_level ref_relid relam relationOid reltablespace right_hasheqoperator
	rootRelation rowmarkId scanrelid security_level seqid serialfn_oid serverid skewTable statOid
	transfn_oid typeOid userid`,
)

// Every field that the server's program can write a type, a function or an operator to is known, whatever the major.
func TestEveryFieldIsKnown(t *testing.T) {
	bin, err := throwaway.Binaries()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(bin, "postgres")
	out, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	found := numbers.FindAllSubmatch(out, -1)
	if len(found) < 100 {
		t.Fatalf("only %d fields are found in %s", len(found), program)
	}
	for _, f := range found {
		name := string(f[1])
		if !typeFields[name] && !functionFields[name] && !operatorFields[name] && !otherFields[name] && !elsewhere[name] {
			t.Errorf("%s has a field %s that is in no list", program, name)
		}
	}
}

// A value may begin as a field does.
func TestColonInValue(t *testing.T) {
	tree, err := ParseExpression(`{TARGETENTRY :expr <> :resname :typid :resjunk false}`)
	if err != nil || tree.Text("resname") != ":typid" || len(tree.Fields) != 3 || tree.Text("resjunk") != "false" {
		t.Errorf("%v, %v", tree, err)
	}
}
