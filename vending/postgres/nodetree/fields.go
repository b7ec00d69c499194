package nodetree

import "strings"

// The node tree of a statement has kinds of nodes and fields that PostgreSQL adds to with every major. What holds a
// type, a function or an operator is judged by the gate. A kind of node or a field that stands in none of these lists
// is refused: it may hold anything. They are what majors 14 to 18 write for one reading statement;
// TestEveryFieldIsKnown compares them with the server's own program.

// nodeKinds are the nodes that a reading statement, or the CHECK of a domain, is made of.
var nodeKinds = words(`
	AGGREF ALIAS ARRAY ARRAYCOERCEEXPR ARRAYEXPR BOOLEANTEST BOOLEXPR CASE CASEEXPR CASETESTEXPR CASEWHEN COALESCE
	COALESCEEXPR COERCETODOMAIN COERCETODOMAINVALUE COERCEVIAIO COLLATE COLLATEEXPR COMMONTABLEEXPR CONST
	CONVERTROWTYPEEXPR CTECYCLECLAUSE CTESEARCHCLAUSE DISTINCTEXPR FIELDSELECT FROMEXPR FUNCEXPR GROUPINGFUNC
	GROUPINGSET JOINEXPR JSONBEHAVIOR JSONCONSTRUCTOREXPR JSONEXPR JSONFORMAT JSONISPREDICATE JSONRETURNING
	JSONTABLEPATH JSONTABLEPATHSCAN JSONTABLESIBLINGJOIN JSONVALUEEXPR MINMAX MINMAXEXPR NAMEDARGEXPR NULLIFEXPR
	NULLTEST OPEXPR PARAM QUERY RANGETBLENTRY RANGETBLFUNCTION RANGETBLREF RELABELTYPE ROW ROWCOMPARE
	ROWCOMPAREEXPR ROWEXPR ROWMARKCLAUSE RTE RTEPERMISSIONINFO SCALARARRAYOPEXPR SETOPERATIONSTMT SORTGROUPCLAUSE
	SQLVALUEFUNCTION SUBLINK SUBSCRIPTINGREF TABLEFUNC TABLESAMPLECLAUSE TARGETENTRY VAR WHEN WINDOWCLAUSE
	WINDOWFUNC XMLEXPR
`)

// typeFields hold the number of a type, or a list of such numbers.
var typeFields = words(`
	aggargtypes aggtranstype aggtype array_typeid casetype coalescetype colTypes coltypes consttype ctecoltypes
	cycle_mark_type element_typeid funccoltypes funcresulttype minmaxtype opresulttype paramtype refcontainertype
	refelemtype refrestype resulttype row_typeid type typeId typid vartype wintype
`)

// functionFields hold the number of a function.
var functionFields = words(`
	aggfnoid endInRangeFunc funcid hashfuncid negfuncid opfuncid startInRangeFunc tsmhandler winfnoid
`)

// operatorFields hold the number of an operator, or a list of such numbers.
var operatorFields = words(`
	cycle_mark_neop eqop opno opnos sortop
`)

// otherFields hold anything else: nodes, names, positions, flags, and the numbers of relations and collations.
var otherFields = words(`
	absent_on_null aggcollid aggdirectargs aggdistinct aggfilter aggkind agglevelsup aggno aggorder aggpresorted
	aggsplit aggstar aggtransno aggvariadic alias aliascolnames aliasname all arg arg_names argisrow argnumber
	args array_collid boolop booltesttype btype canSetTag casecollid checkAsUser child cmptype coalescecollid
	coerce coerceformat coercion coercionformat colCollations colMax colMin colTypmods colcollations coldefexprs
	colexprs collOid collation colnames cols coltypmods column_name colvalexprs commandType constbyval constcollid
	constisnull constlen constraintDeps consttypmod constvalue content convertformat copiedOrder cteList
	ctecolcollations ctecolnames ctecoltypmods ctelevelsup ctematerialized ctename ctequery cterecursive
	cterefcount cycle_clause cycle_col_list cycle_mark_collation cycle_mark_column cycle_mark_default
	cycle_mark_typmod cycle_mark_value cycle_path_column defresult distinctClause docexpr elements elemexpr
	encoding endOffset eref errorOnError expr extraUpdatedCols fieldnum format format_type formatted_expr
	frameOptions fromlist func funccolcollations funccolcount funccollid funccolnames funccoltypmods funcexpr
	funcformat funcordinality funcparams funcretset functions functype funcvariadic groupClause groupClauses
	groupDistinct groupexprs groupingSets hasAggs hasDistinctOn hasForUpdate hasGroupRTE hasModifyingCTE
	hasRecursive hasRowSecurity hasSubLinks hasTargetSRFs hasWindowFuncs hashable havingQual inFromCl inRangeAsc
	inRangeColl inRangeNullsFirst indent inh inputcollid inputcollids insertedCols isNatural isReturn item_type
	join_using_alias joinaliasvars joinleftcols joinmergedcols joinrightcols jointree jointype kind larg largs
	lateral limitCount limitOffset limitOption list_end list_start location lplan mergeActionList
	mergeJoinCondition mergeTargetRelation mergeUseOuterJoin minmaxcollid multidims name named_args notnulls
	ns_names ns_uris nulls_first nulltesttype omit_quotes onConflict on_empty on_error op opcollid operName
	opfamilies opretset orderClause ordinalitycol override paramcollid paramid paramkind paramtypmod
	partitionClause passing_names passing_values passingvalexprs path path_spec perminfoindex plan pushedDown
	quals querySource rarg rargs raw_expr rctype refassgnexpr refcollid refexpr reflowerindexpr refname refs
	reftypmod refupperindexpr relabelformat relid relkind rellockmode repeatable requiredPerms resjunk resname
	resno resorigcol resorigtbl ressortgroupref result resultRelation resultcollid resulttypmod returning
	returningList returningNewAlias returningOldAlias reverse_sort rowMarks row_format rowexpr rplan rtable
	rtekind rteperminfos rti rtindex runCondition search_breadth_first search_clause search_col_list
	search_seq_column securityQuals security_barrier selectedCols self_reference setOperations sortClause
	startOffset stmt_len stmt_location strength subLinkId subLinkType subquery subselect tablefunc tablesample
	targetList testexpr tleSortGroupRef typeMod typmod unique unique_keys updatedCols useOr use_io_coercion
	use_json_coercion usingClause utilityStmt value values_lists varattno varattnosyn varcollid varlevelsup varno
	varnosyn varnullingrels varreturningtype vartypmod waitPolicy winagg wincollid windowClause winref winstar
	withCheckOptions wrapper xmloption
`)

func words(text string) map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(text) {
		out[word] = true
	}
	return out
}

// HoldsFunctions reports whether a field holds the number of a function.
func HoldsFunctions(field string) bool { return functionFields[field] }

// HoldsOperators reports whether a field holds the numbers of operators.
func HoldsOperators(field string) bool { return operatorFields[field] }

// HoldsTypes reports whether a field of a node holds types. JSON constructors have an enumeration of this name.
func HoldsTypes(node, field string) bool {
	return typeFields[field] && !(node == "JSONCONSTRUCTOREXPR" && field == "type")
}

// Unknown returns the kind of the node, or one of its fields, that is in no list; empty: everything is known.
func (n Node) Unknown() string {
	if !nodeKinds[n.Name] {
		return n.Name
	}
	for field := range n.Fields {
		if !typeFields[field] && !functionFields[field] && !operatorFields[field] && !otherFields[field] {
			return n.Name + "." + field
		}
	}
	return ""
}
