-- Deputy's set-up of one PostgreSQL database. Idempotent; needs no superuser, only CREATEROLE, CREATE on this database with the
-- right to pass it on, and the right to grant what is governed. Run it with "deputy bootstrap postgres", or with psql:
--   psql -v signing_key=… -v runner_password=… -f bootstrap.sql
-- What it makes: deputy_owner (cannot log in; owns the vended views), deputy_runner (what the server logs in as; may do
-- nothing but call deputy.vend), and the schema deputy with the function, its keys and the trigger that forbids every commit.

BEGIN;

DO $roles$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'deputy_owner') THEN
    CREATE ROLE deputy_owner;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'deputy_runner') THEN
    CREATE ROLE deputy_runner;
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles
             WHERE rolname IN ('deputy_owner', 'deputy_runner')
               AND (rolsuper OR rolbypassrls OR rolreplication OR rolcreatedb OR rolname = 'deputy_runner' AND rolcreaterole)) THEN
    RAISE EXCEPTION 'deputy_owner or deputy_runner exists already and may do more than Deputy allows: drop it or take its attributes away first';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'deputy' AND nspowner <> 'deputy_owner'::regrole) THEN
    RAISE EXCEPTION 'a schema named deputy exists already and does not belong to deputy_owner: rename or drop it first';
  END IF;
END
$roles$;
ALTER ROLE deputy_owner NOLOGIN CREATEROLE;
ALTER ROLE deputy_runner LOGIN NOINHERIT PASSWORD :'runner_password';

-- PASSWORD '' is how PostgreSQL spells "no password": log in by peer or certificate then.
DO $grants$
BEGIN
  EXECUTE pg_catalog.format('GRANT CREATE, TEMPORARY ON DATABASE %I TO deputy_owner', pg_catalog.current_database());
  EXECUTE pg_catalog.format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO deputy_runner', pg_catalog.current_database());
END
$grants$;

-- Everything in the schema belongs to deputy_owner; the administrator is a member only while this runs.
GRANT deputy_owner TO CURRENT_USER;
CREATE SCHEMA IF NOT EXISTS deputy AUTHORIZATION deputy_owner;
SET LOCAL ROLE deputy_owner;
SET LOCAL search_path = pg_catalog, pg_temp;
GRANT USAGE ON SCHEMA deputy TO deputy_runner;

CREATE TABLE IF NOT EXISTS deputy.keys (name text PRIMARY KEY, ipad bytea NOT NULL, opad bytea NOT NULL);
COMMENT ON TABLE deputy.keys IS 'HMAC-SHA-256 keys with their pads precomputed: sign (the server signs what may be vended), previous (the one before it, while servers change over) and hash (masks). Only deputy_owner reads it.';
REVOKE ALL ON deputy.keys FROM PUBLIC;

-- A key that is asked for replaces the one there; the hash key stays for good, or masked values would change under the users.
-- With --rotate-key the one that was there stays good beside it, for the servers that have it still, until --drop-old-key.
WITH given (name, key) AS (
  SELECT 'sign', sha256(convert_to(:'signing_key', 'UTF8'))
  UNION ALL
  SELECT 'hash', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
), pads AS (
  SELECT name,
         string_agg(set_byte('\x00'::bytea, 0, get_byte(key || decode(repeat('00', 32), 'hex'), i) # 54), ''::bytea ORDER BY i) AS ipad,
         string_agg(set_byte('\x00'::bytea, 0, get_byte(key || decode(repeat('00', 32), 'hex'), i) # 92), ''::bytea ORDER BY i) AS opad
  FROM given, generate_series(0, 63) AS i
  GROUP BY name
), options (rotate, drop_old) AS (VALUES (/*rotate*/false, /*drop_old*/false)
), was AS (
  SELECT k.ipad, k.opad, k.ipad <> p.ipad AS other FROM deputy.keys k JOIN pads p USING (name) WHERE k.name = 'sign'
), stays AS (
  INSERT INTO deputy.keys AS k SELECT 'previous', was.ipad, was.opad FROM was, options WHERE was.other AND options.rotate
  ON CONFLICT (name) DO UPDATE SET ipad = excluded.ipad, opad = excluded.opad
), gone AS (
  DELETE FROM deputy.keys k USING was, options
  WHERE k.name = 'previous' AND CASE WHEN was.other THEN NOT options.rotate AND NOT options.drop_old ELSE options.drop_old END
)
-- An older key drops none: the cast ends the script, and what is cast says why.
INSERT INTO deputy.keys AS k SELECT pads.* FROM pads CROSS JOIN options LEFT JOIN was ON true
WHERE CASE WHEN options.drop_old AND was.other
           THEN concat('the signing key that was given is not the newest of the database, so the old one stays', left(was.other::text, 0))::boolean
           ELSE NOT (options.drop_old AND was.other IS NOT NULL) END
ON CONFLICT (name) DO UPDATE SET ipad = excluded.ipad, opad = excluded.opad WHERE k.name = 'sign';

CREATE UNLOGGED TABLE IF NOT EXISTS deputy.leases (id text NOT NULL);
COMMENT ON TABLE deputy.leases IS 'Always empty: every vend inserts a row here, and the trigger on it makes the transaction impossible to commit.';
REVOKE ALL ON deputy.leases FROM PUBLIC;

CREATE OR REPLACE FUNCTION deputy.never_commit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $never$
BEGIN
  RAISE EXCEPTION 'a vended role is never committed' USING ERRCODE = 'invalid_transaction_termination';
END
$never$;
DO $trigger$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'deputy.leases'::regclass AND tgname = 'never_commit') THEN
    CREATE CONSTRAINT TRIGGER never_commit AFTER INSERT ON deputy.leases
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deputy.never_commit();
  END IF;
END
$trigger$;

-- version is that of this set-up, and oldest that of the oldest servers which it serves. A server compares both with its own.
CREATE OR REPLACE FUNCTION deputy.version() RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'SELECT /*version*/1';
CREATE OR REPLACE FUNCTION deputy.oldest() RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'SELECT 1';

-- others_create reports whether roles other than its owner may create in a schema. A name that is looked up there may be theirs.
-- What may act as the owner anyway is no other role.
CREATE OR REPLACE FUNCTION deputy.others_create(schema oid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $others$
BEGIN
  RETURN EXISTS (
    SELECT FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
    WHERE n.oid = schema AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
      AND CASE WHEN a.grantee = 0 THEN true ELSE NOT pg_has_role(a.grantee, n.nspowner, 'USAGE') END);
END
$others$;

-- stray names something that a view uses and that may not decide what a policy means: it is outside pg_catalog, and it neither
-- belongs to an extension nor is named in the configuration, or others than the owner of its schema may create beside it.
-- Built-in objects are in no dependency. Types and collations of the columns that are read mean themselves.
CREATE OR REPLACE FUNCTION deputy.stray(view oid, named text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $stray$
DECLARE
  found text;
BEGIN
  WITH RECURSIVE used AS (
    SELECT d.refclassid, d.refobjid FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refobjid <> view WHERE r.ev_class = view
  ), own (id) AS (
    SELECT a.atttypid FROM used u JOIN pg_attribute a ON u.refclassid = 'pg_class'::regclass AND a.attrelid = u.refobjid
    UNION SELECT c.reltype FROM used u JOIN pg_class c ON u.refclassid = 'pg_class'::regclass AND c.oid = u.refobjid
    UNION SELECT p.id FROM own o JOIN pg_type t ON t.oid = o.id
      LEFT JOIN pg_attribute a ON a.attrelid = t.typrelid CROSS JOIN LATERAL (VALUES (t.typelem), (t.typarray), (t.typbasetype), (a.atttypid)) AS p (id)
      WHERE p.id <> 0
  )
  SELECT o.type || ' ' || o.identity || CASE WHEN x.known
           THEN ', and others than the owner of its schema may create there: REVOKE CREATE ON SCHEMA ' || o.schema || ' from them'
           ELSE ', which belongs to no extension and is not named under functions' END
    INTO found
  FROM used u
  CROSS JOIN LATERAL pg_identify_object(u.refclassid, u.refobjid, 0) AS o
  LEFT JOIN pg_type t ON u.refclassid = 'pg_type'::regclass AND t.oid = u.refobjid
  LEFT JOIN pg_operator p ON u.refclassid = 'pg_operator'::regclass AND p.oid = u.refobjid
  LEFT JOIN pg_proc f ON u.refclassid = 'pg_proc'::regclass AND f.oid = u.refobjid OR f.oid = p.oprcode
  CROSS JOIN LATERAL (SELECT
    EXISTS (SELECT FROM pg_depend m WHERE m.classid = u.refclassid AND m.refclassid = 'pg_extension'::regclass AND m.deptype = 'e'
                                      AND m.objid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE u.refobjid END)
    OR coalesce((SELECT n.nspname || '.' || coalesce(f.proname, t.typname) = ANY (named)
                 FROM pg_namespace n WHERE n.oid = coalesce(f.pronamespace, t.typnamespace)), false) AS known) AS x
  WHERE u.refclassid <> 'pg_class'::regclass AND o.schema IS DISTINCT FROM 'pg_catalog'
    AND NOT (t.oid IS NOT NULL AND t.oid IN (SELECT id FROM own))
    AND NOT (u.refclassid = 'pg_collation'::regclass AND EXISTS (
      SELECT FROM used c JOIN pg_attribute a ON a.attrelid = c.refobjid WHERE c.refclassid = 'pg_class'::regclass AND a.attcollation = u.refobjid))
    AND (NOT x.known OR deputy.others_create(coalesce(p.oprnamespace, f.pronamespace, t.typnamespace)))
  LIMIT 1;
  RETURN found;
END
$stray$;

-- vend makes the role and the views of one call. spec is JSON, written and signed by the server:
--   {"id": text, "expires": seconds since 1970 on the database's clock, "tables": [{"schema": text, "name": text, "barrier": boolean, "query": text}],
--    "path": [schemas that the queries are understood along], "callers": [those that the caller's statement is], "functions": [schema.name]}
-- Only what the server signed is made, so whoever else gets to call this function gets nothing from it.
CREATE OR REPLACE FUNCTION deputy.vend(spec text, signature bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $vend$
DECLARE
  lease json;
  role text;
  ddl text;
  path text;
  schema text;
  who text;
  space oid;
  view oid;
  wrong text;
BEGIN
  -- Hashed once more before the comparison, so that its duration says nothing about the right signature. NULL equals nothing.
  IF NOT EXISTS (SELECT FROM deputy.keys k WHERE k.name IN ('sign', 'previous')
                 AND sha256(signature) = sha256(sha256(k.opad || sha256(k.ipad || convert_to(spec, 'UTF8'))))) THEN
    RAISE EXCEPTION 'the lease is not signed by this server' USING ERRCODE = 'invalid_authorization_specification';
  END IF;
  lease := spec::json;
  -- What is not known here might take something away: a server that is ahead of the set-up is served by a set-up of its own version.
  SELECT string_agg(key, ', ') INTO wrong FROM (
    SELECT json_object_keys(lease) EXCEPT SELECT unnest(array['id', 'v', 'expires', 'tables', 'path', 'callers', 'functions'])
    UNION ALL
    (SELECT json_object_keys(v) FROM json_array_elements(lease->'tables') AS v
     EXCEPT SELECT unnest(array['schema', 'name', 'barrier', 'query']))) AS unknown (key);
  IF wrong IS NOT NULL OR (coalesce((lease->>'v')::int, 1) BETWEEN deputy.oldest() AND deputy.version()) IS NOT TRUE THEN
    RAISE EXCEPTION 'the database was set up by another version of Deputy (%, and the server is %)', deputy.version(), lease->>'v'
      USING ERRCODE = 'DP001', DETAIL = coalesce(wrong, ''), HINT = 'servers and set-up have to be of one version: run deputy bootstrap postgres of the newer one';
  END IF;
  -- It is good for two minutes on this clock, which the server has read. The limit holds for a server whose clock is ahead.
  IF ((lease->>'expires')::bigint BETWEEN extract(epoch FROM clock_timestamp()) AND extract(epoch FROM clock_timestamp()) + 240) IS NOT TRUE THEN
    RAISE EXCEPTION 'the lease is expired, or good for too long' USING ERRCODE = '28D01', HINT = 'clocks of server and database differ, or it was used twice';
  END IF;
  INSERT INTO deputy.leases VALUES (lease->>'id');
  -- An object that another role puts into a schema of the path would be called as soon as a query is understood: the schemas are
  -- looked at before, and what the queries were understood to use behind it.
  -- Each is looked up by itself: joined with what JSON holds, PostgreSQL would read the whole catalog.
  FOR schema, who IN SELECT json_array_elements_text(lease->'path'), current_user::text
                     UNION SELECT json_array_elements_text(lease->'callers'), 'public' LOOP
    CONTINUE WHEN schema = 'pg_catalog';
    SELECT n.oid INTO space FROM pg_namespace n WHERE n.nspname = schema;
    IF space IS NULL OR NOT has_schema_privilege(who, space, 'USAGE') OR deputy.others_create(space) THEN
      RAISE EXCEPTION 'the schema % cannot be used any more: it is gone, or closed, or others than its owner may create in it', quote_ident(schema)
        USING ERRCODE = 'invalid_schema_definition';
    END IF;
  END LOOP;
  role := quote_ident('deputy_' || (lease->>'id'));
  SELECT 'CREATE ROLE ' || role || ' ROLE deputy_runner;'
      || coalesce(string_agg(DISTINCT format('CREATE SCHEMA %I; GRANT USAGE ON SCHEMA %1$I TO %s, deputy_runner;', v->>'schema', role), ''), '')
      || coalesce(string_agg(format('CREATE VIEW %I.%I %s AS %s; GRANT SELECT ON %1$I.%2$I TO %5$s;',
           v->>'schema', v->>'name', CASE WHEN (v->>'barrier')::boolean THEN 'WITH (security_barrier)' ELSE '' END, v->>'query', role), ''), '')
    INTO ddl FROM json_array_elements(lease->'tables') AS v;
  SELECT coalesce(string_agg(quote_ident(s.name), ', ' ORDER BY s.place) || ', ', '') || 'pg_temp' INTO path
    FROM json_array_elements_text(lease->'path') WITH ORDINALITY AS s (name, place);
  PERFORM set_config('search_path', path, true);
  EXECUTE ddl;
  PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
  -- What is PostgreSQL's own is in no dependency, and what is a member of an extension is found at once: the rest is looked at.
  FOR view IN SELECT to_regclass(format('%I.%I', v->>'schema', v->>'name')) FROM json_array_elements(lease->'tables') AS v LOOP
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid <> 'pg_class'::regclass
       WHERE r.ev_class = view AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = d.refclassid AND m.objid = d.refobjid
                                                  AND m.refclassid = 'pg_extension'::regclass AND m.deptype = 'e'));
    wrong := deputy.stray(view, array(SELECT json_array_elements_text(lease->'functions')));
    IF wrong IS NOT NULL THEN
      RAISE EXCEPTION 'a policy uses the %', wrong USING ERRCODE = 'invalid_object_definition';
    END IF;
  END LOOP;
END
$vend$;
REVOKE ALL ON FUNCTION deputy.vend(text, bytea), deputy.never_commit(), deputy.others_create(oid), deputy.stray(oid, text[]), deputy.version(), deputy.oldest() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deputy.vend(text, bytea), deputy.others_create(oid), deputy.version(), deputy.oldest() TO deputy_runner;

RESET ROLE;
REVOKE deputy_owner FROM CURRENT_USER;
