-- The eight tables of TPC-H, and one more with the types that TPC-H lacks. Autovacuum is off: it would gather new statistics
-- between two plans that a test compares.
CREATE SCHEMA tpch;
SET search_path = tpch;

CREATE TABLE region (r_regionkey int, r_name text NOT NULL, r_comment text);
CREATE TABLE nation (n_nationkey int, n_name text NOT NULL, n_regionkey int NOT NULL, n_comment text);
CREATE TABLE supplier (
  s_suppkey int, s_name text NOT NULL, s_address text NOT NULL, s_nationkey int NOT NULL, s_phone char(15) NOT NULL,
  s_acctbal numeric(15,2) NOT NULL, s_comment text NOT NULL);
CREATE TABLE part (
  p_partkey int, p_name text NOT NULL, p_mfgr char(25) NOT NULL, p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL,
  p_size int NOT NULL, p_container char(10) NOT NULL, p_retailprice numeric(15,2) NOT NULL, p_comment text NOT NULL);
CREATE TABLE partsupp (
  ps_partkey int, ps_suppkey int, ps_availqty int NOT NULL, ps_supplycost numeric(15,2) NOT NULL, ps_comment text NOT NULL);
CREATE TABLE customer (
  c_custkey int, c_name text NOT NULL, c_address text NOT NULL, c_nationkey int NOT NULL, c_phone char(15) NOT NULL,
  c_acctbal numeric(15,2) NOT NULL, c_mktsegment char(10) NOT NULL, c_comment text NOT NULL);
CREATE TABLE orders (
  o_orderkey int, o_custkey int NOT NULL, o_orderstatus char(1) NOT NULL, o_totalprice numeric(15,2) NOT NULL, o_orderdate date NOT NULL,
  o_orderpriority char(15) NOT NULL, o_clerk text NOT NULL, o_shippriority int NOT NULL, o_comment text NOT NULL);
CREATE TABLE lineitem (
  l_orderkey int, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int, l_quantity numeric(15,2) NOT NULL,
  l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL,
  l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL,
  l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment text NOT NULL);

CREATE TYPE severity AS ENUM ('info', 'warning', 'error');
CREATE TABLE event (
  e_id bigint, e_dropped int, e_orderkey int NOT NULL, e_at timestamptz NOT NULL, e_took interval NOT NULL, e_during tsrange NOT NULL, e_severity severity NOT NULL,
  e_tags text[] NOT NULL, e_body jsonb NOT NULL, e_ratio double precision, e_search tsvector NOT NULL);
ALTER TABLE event DROP COLUMN e_dropped; -- it keeps its number, as in any table that has grown old

ALTER TABLE region SET (autovacuum_enabled = off);
ALTER TABLE nation SET (autovacuum_enabled = off);
ALTER TABLE supplier SET (autovacuum_enabled = off);
ALTER TABLE part SET (autovacuum_enabled = off);
ALTER TABLE partsupp SET (autovacuum_enabled = off);
ALTER TABLE customer SET (autovacuum_enabled = off);
ALTER TABLE orders SET (autovacuum_enabled = off);
ALTER TABLE lineitem SET (autovacuum_enabled = off);
ALTER TABLE event SET (autovacuum_enabled = off);
