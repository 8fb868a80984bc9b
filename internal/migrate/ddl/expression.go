package ddl

// volatility is how often an expression is evaluated for a new column. Of a
// stable one the value is stored once, for a volatile one the table is rewritten.
type volatility uint8

const (
	steady volatility = iota
	volatile
	unknownVolatility
)

// volatileFunctions give another value for each row.
var volatileFunctions = setOf(`random random_normal clock_timestamp timeofday gen_random_uuid uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4
	uuidv4 uuidv7 nextval currval gen_random_bytes`)

// steadyFunctions are immutable or stable functions of Postgres itself.
var steadyFunctions = setOf(`now transaction_timestamp statement_timestamp current_timestamp current_time localtime localtimestamp current_setting txid_current
	pg_current_xact_id version current_database current_schema lower upper initcap length char_length octet_length concat concat_ws format left right substr substring
	trim btrim ltrim rtrim replace reverse repeat lpad rpad split_part strpos position overlay translate md5 sha224 sha256 sha384 sha512 encode decode ascii chr to_hex to_char
	to_date to_number to_timestamp date_trunc date_part extract make_date make_time make_timestamp make_timestamptz make_interval age timezone
	abs ceil ceiling floor round trunc sqrt power exp ln log mod sign div pi coalesce nullif greatest least cast
	json_build_object json_build_array jsonb_build_object jsonb_build_array to_json to_jsonb json_object jsonb_object jsonb_set row_to_json
	array_fill array_length array_append array_cat array_remove cardinality string_to_array array_to_string regexp_replace int4range int8range numrange tsrange tstzrange daterange
	to_tsvector uuid_nil uuid_generate_v3 uuid_generate_v5 count sum min max avg array_agg string_agg json_agg jsonb_agg bool_and bool_or unnest generate_series row_number rank dense_rank lag lead
	row exists pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock pg_advisory_unlock pg_get_serial_sequence to_regclass`)

// bareWords may stand in an expression and mean nothing more than they say.
var bareWords = setOf(`true false null current_timestamp current_date current_time localtime localtimestamp current_user session_user current_role user
	current_catalog current_schema and or not is in between like ilike similar to case when then else end at time zone array cast as from distinct varying precision with without
	year month day hour minute second interval symmetric collate any all some default escape for both leading trailing`)

// volatilityOf looks at every name in an expression. A name that it does not know
// makes it unknown.
func volatilityOf(tokens []token) volatility {
	worst := steady
	for i, t := range tokens {
		if t.kind == kindOther || t.kind == kindMeta || t.kind == kindParameter {
			return unknownVolatility
		}
		if !t.isName() {
			continue
		}
		if v := volatilityOfName(tokens, i); v == unknownVolatility {
			return v
		} else if v == volatile {
			worst = v
		}
	}
	return worst
}

func volatilityOfName(tokens []token, i int) volatility {
	t := tokens[i]
	at := func(k int) token {
		if k < 0 || k >= len(tokens) {
			return token{}
		}
		return tokens[k]
	}
	if at(i + 1).isSymbol(".") {
		return steady // the name after it is looked at
	}
	schema := ""
	first := i
	for at(first-1).isSymbol(".") && at(first-2).isName() {
		first -= 2
		schema = tokens[first].text
	}
	switch {
	case at(first - 1).isSymbol("::"), at(first - 1).isWord("as"), at(i+1).kind == kindString && t.kind == kindWord:
		return steady // a type
	case at(i + 1).isSymbol("("):
		return volatilityOfCall(schema, t.text)
	case t.kind == kindWord && schema == "" && (bareWords[t.text] || builtIn[t.text] || spellings[t.text] != ""):
		return steady
	}
	return unknownVolatility
}

func volatilityOfCall(schema, name string) volatility {
	switch {
	case volatileFunctions[name]:
		return volatile
	case schema != "" && schema != "pg_catalog":
		return unknownVolatility
	case steadyFunctions[name], bareWords[name], builtIn[name], spellings[name] != "":
		return steady
	}
	return unknownVolatility
}

// callable are the key words and the like that may stand before a parenthesis in
// a query without calling anything.
var callable = setOf(`values in exists from on and or not where using over as any all some select when then else case with join lateral by distinct filter within group
	into partition order set returning union except intersect limit offset having between like ilike is materialized grouping sets rollup cube row array conflict do default interval
	only recursive cross inner outer left right full natural window rows range check key add`)

// unknownCall is a function in a query of which nobody knows what it does; empty
// if there is none.
func unknownCall(tokens []token) string {
	for i := 1; i < len(tokens); i++ {
		t := tokens[i-1]
		if !tokens[i].isSymbol("(") || !t.isName() || t.kind == kindWord && callable[t.text] {
			continue
		}
		schema := ""
		if i > 1 && (tokens[i-2].isSymbol("::") || tokens[i-2].isWord("as")) {
			continue
		}
		if i > 2 && tokens[i-2].isSymbol(".") {
			schema = tokens[i-3].text
		}
		if volatilityOfCall(schema, t.text) == unknownVolatility {
			return t.name()
		}
	}
	return ""
}
