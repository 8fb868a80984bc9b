-- What a shadow says of itself while migrations run in it: lines in its log, each
-- after the statement that it is about, and the catalog as it is after each
-- migration. Only what was there before the first migration counts: nobody
-- waits for a table that is new.
CREATE SCHEMA gapless_trace;

CREATE FUNCTION gapless_trace.label(namespace name, relation name) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog AS
$$SELECT CASE WHEN namespace = 'public' THEN relation::text ELSE namespace || '.' || relation END$$;

CREATE TABLE gapless_trace.relation AS
SELECT c.oid AS id, gapless_trace.label(n.nspname, c.relname) AS name, c.relkind AS kind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'gapless_trace');

CREATE TABLE gapless_trace.snapshot (number int GENERATED ALWAYS AS IDENTITY, name text, catalog jsonb);

CREATE FUNCTION gapless_trace.catalog() RETURNS jsonb LANGUAGE sql SET search_path = pg_catalog AS $$
SELECT jsonb_build_object(
	'columns', (SELECT coalesce(jsonb_agg(jsonb_build_array(gapless_trace.label(n.nspname, c.relname), a.attname, format_type(a.atttypid, a.atttypmod),
			a.attnotnull, a.atthasdef OR a.attidentity <> '')), '[]')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND a.attnum > 0 AND NOT a.attisdropped
			AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'gapless_trace')),
	'rules', (SELECT coalesce(jsonb_agg(jsonb_build_array(r.table, r.kind, r.columns, r.definition, r.expressions)), '[]') FROM (
		SELECT gapless_trace.label(n.nspname, c.relname) AS table, k.contype::text AS kind,
			(SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)) AS columns,
			regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition, coalesce(pg_get_expr(i.indexprs, i.indrelid), '') AS expressions
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype = 'x'
		WHERE k.contype IN ('c', 'f', 'x') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'gapless_trace')
		UNION ALL
		SELECT gapless_trace.label(n.nspname, c.relname), 'u',
			(SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)),
			concat_ws(' WHERE ', coalesce(pg_get_expr(i.indexprs, i.indrelid), ''), pg_get_expr(i.indpred, i.indrelid)), coalesce(pg_get_expr(i.indexprs, i.indrelid), '')
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.indisunique AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'gapless_trace')) r))
$$;

INSERT INTO gapless_trace.snapshot (name, catalog) VALUES ('', gapless_trace.catalog());

-- Each migration ends with a row in the table of versions.
CREATE FUNCTION gapless_trace.applied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
	found jsonb := to_jsonb(NEW);
	called text := coalesce(found ->> 'app' || '/' || (found ->> 'name'), found ->> 'migration_name', found ->> 'migration', found ->> 'version_num',
		found ->> 'version', found ->> 'version_id', found ->> 'script', found ->> 'filename', found ->> 'name', TG_TABLE_NAME);
BEGIN
	INSERT INTO gapless_trace.snapshot (name, catalog) VALUES (called, gapless_trace.catalog());
	RAISE LOG 'gapless-trace %', jsonb_build_object('event', 'applied', 'name', called);
	RETURN NULL;
END $$;

DO $$
DECLARE versions record;
BEGIN
	FOR versions IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relname IN ('django_migrations', 'alembic_version',
		'schema_migrations', 'goose_db_version', '_prisma_migrations', 'knex_migrations', 'flyway_schema_history', 'migrations') LOOP
		EXECUTE format('CREATE TRIGGER gapless_trace AFTER INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION gapless_trace.applied()', versions.name);
	END LOOP;
END $$;

CREATE FUNCTION gapless_trace.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
	RAISE LOG 'gapless-trace %', jsonb_build_object('event', TG_EVENT, 'tag', TG_TAG,
		'locks', (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(r.name, l.mode)), '[]') FROM pg_locks l JOIN gapless_trace.relation r ON r.id = l.relation
			WHERE l.pid = pg_backend_pid() AND l.granted AND l.locktype = 'relation'
				AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),
		'scans', (SELECT coalesce(jsonb_object_agg(r.name, pg_stat_get_xact_numscans(r.id)), '{}') FROM gapless_trace.relation r
			WHERE r.kind <> 'v' AND pg_stat_get_xact_numscans(r.id) > 0));
END $$;

CREATE FUNCTION gapless_trace.rewrites() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE rewritten text;
BEGIN
	SELECT r.name INTO rewritten FROM gapless_trace.relation r WHERE r.id = pg_event_trigger_table_rewrite_oid();
	IF FOUND THEN
		RAISE LOG 'gapless-trace %', jsonb_build_object('event', TG_EVENT, 'tag', TG_TAG, 'name', rewritten);
	END IF;
END $$;

CREATE EVENT TRIGGER gapless_trace_begin ON ddl_command_start EXECUTE FUNCTION gapless_trace.note();
CREATE EVENT TRIGGER gapless_trace_end ON ddl_command_end EXECUTE FUNCTION gapless_trace.note();
CREATE EVENT TRIGGER gapless_trace_drop ON sql_drop EXECUTE FUNCTION gapless_trace.note();
CREATE EVENT TRIGGER gapless_trace_rewrite ON table_rewrite EXECUTE FUNCTION gapless_trace.rewrites();
