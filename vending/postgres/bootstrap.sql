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
COMMENT ON TABLE deputy.keys IS 'HMAC-SHA-256 keys with their pads precomputed: sign (the server signs what may be vended) and hash (masks). Only deputy_owner reads it.';
REVOKE ALL ON deputy.keys FROM PUBLIC;

-- A key that is asked for replaces the one there; the hash key stays for good, or masked values would change under the users.
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
)
INSERT INTO deputy.keys AS k SELECT * FROM pads
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

-- vend makes the role and the views of one call. spec is JSON, written and signed by the server:
--   {"id": text, "expires": seconds since 1970, "views": [{"schema": text, "name": text, "barrier": boolean, "query": text}]}
-- Only what the server signed is made, so whoever else gets to call this function gets nothing from it.
CREATE OR REPLACE FUNCTION deputy.vend(spec text, signature bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $vend$
DECLARE
  ipad bytea;
  opad bytea;
  lease json;
  role text;
  ddl text;
BEGIN
  SELECT k.ipad, k.opad INTO STRICT ipad, opad FROM deputy.keys k WHERE k.name = 'sign';
  -- Hashed once more before the comparison, so that its duration says nothing about the right signature.
  -- IS NOT TRUE: two NULLs are no signature.
  IF (sha256(signature) = sha256(sha256(opad || sha256(ipad || convert_to(spec, 'UTF8'))))) IS NOT TRUE THEN
    RAISE EXCEPTION 'the lease is not signed by this server' USING ERRCODE = 'invalid_authorization_specification';
  END IF;
  lease := spec::json;
  IF (lease->>'expires')::bigint < extract(epoch FROM clock_timestamp()) THEN
    RAISE EXCEPTION 'the lease is expired' USING ERRCODE = 'invalid_authorization_specification', HINT = 'clocks of server and database differ, or it was used twice';
  END IF;
  INSERT INTO deputy.leases VALUES (lease->>'id');
  role := quote_ident('deputy_' || (lease->>'id'));
  SELECT 'CREATE ROLE ' || role || ' ROLE deputy_runner;'
      || coalesce(string_agg(DISTINCT format('CREATE SCHEMA %I; GRANT USAGE ON SCHEMA %1$I TO %s;', v->>'schema', role), ''), '')
      || coalesce(string_agg(format('CREATE VIEW %I.%I %s AS %s; GRANT SELECT ON %1$I.%2$I TO %5$s;',
           v->>'schema', v->>'name', CASE WHEN (v->>'barrier')::boolean THEN 'WITH (security_barrier)' ELSE '' END, v->>'query', role), ''), '')
    INTO ddl FROM json_array_elements(lease->'views') AS v;
  EXECUTE ddl;
END
$vend$;
REVOKE ALL ON FUNCTION deputy.vend(text, bytea), deputy.never_commit() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deputy.vend(text, bytea) TO deputy_runner;

RESET ROLE;
REVOKE deputy_owner FROM CURRENT_USER;
