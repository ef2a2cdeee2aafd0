--
-- PostgreSQL database dump
--


-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SELECT pg_catalog.set_config('search_path', '', false);



--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: credentials; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.credentials (
    token_hash bytea NOT NULL,
    role text NOT NULL COLLATE pg_catalog."C",
    cluster text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    node text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    comment text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT credentials_agent_has_node_check CHECK (((role = 'agent'::text) = ((cluster <> ''::text) AND (node <> ''::text)))),
    CONSTRAINT credentials_role_check CHECK ((role = ANY (ARRAY['agent'::text, 'operator'::text, 'auditor'::text, 'admin'::text])))
);


--
-- Name: enrolments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.enrolments (
    token_hash bytea NOT NULL,
    cluster text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    node text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hostname text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    engine_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    address text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    attempts bigint DEFAULT '1'::bigint NOT NULL,
    first_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT enrolments_outcome_check CHECK ((outcome = ANY (ARRAY['accepted'::text, 'waiting'::text, 'approved'::text, 'refused'::text])))
);


--
-- Name: entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.entries (
    node_id integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    entry_id uuid NOT NULL,
    root text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hash bytea NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone NOT NULL,
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb NOT NULL,
    path_keys bigint[] NOT NULL,
    ref_keys bigint[] NOT NULL
)
WITH (fillfactor='85');


--
-- Name: gaps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gaps (
    id bigint NOT NULL,
    node_id integer NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    detail text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    after timestamp with time zone,
    before timestamp with time zone NOT NULL
);


--
-- Name: gaps_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.gaps ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.gaps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history (
    node_id integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    entry_id uuid NOT NULL,
    root text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hash bytea NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone NOT NULL,
    ended_after timestamp with time zone NOT NULL,
    ended_before timestamp with time zone NOT NULL,
    ended_why text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb NOT NULL,
    path_keys bigint[] NOT NULL,
    ref_keys bigint[] NOT NULL
)
PARTITION BY RANGE (ended_before);


--
-- Name: history_2026_10; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history_2026_10 (
    node_id integer CONSTRAINT history_node_id_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL COLLATE pg_catalog."C",
    entry_id uuid CONSTRAINT history_entry_id_not_null NOT NULL,
    root text DEFAULT ''::text CONSTRAINT history_root_not_null NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text CONSTRAINT history_key_not_null NOT NULL COLLATE pg_catalog."C",
    hash bytea CONSTRAINT history_hash_not_null NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone CONSTRAINT history_began_before_not_null NOT NULL,
    ended_after timestamp with time zone CONSTRAINT history_ended_after_not_null NOT NULL,
    ended_before timestamp with time zone CONSTRAINT history_ended_before_not_null NOT NULL,
    ended_why text CONSTRAINT history_ended_why_not_null NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb CONSTRAINT history_doc_not_null NOT NULL,
    path_keys bigint[] CONSTRAINT history_path_keys_not_null NOT NULL,
    ref_keys bigint[] CONSTRAINT history_ref_keys_not_null NOT NULL
);


--
-- Name: history_2026_11; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history_2026_11 (
    node_id integer CONSTRAINT history_node_id_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL COLLATE pg_catalog."C",
    entry_id uuid CONSTRAINT history_entry_id_not_null NOT NULL,
    root text DEFAULT ''::text CONSTRAINT history_root_not_null NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text CONSTRAINT history_key_not_null NOT NULL COLLATE pg_catalog."C",
    hash bytea CONSTRAINT history_hash_not_null NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone CONSTRAINT history_began_before_not_null NOT NULL,
    ended_after timestamp with time zone CONSTRAINT history_ended_after_not_null NOT NULL,
    ended_before timestamp with time zone CONSTRAINT history_ended_before_not_null NOT NULL,
    ended_why text CONSTRAINT history_ended_why_not_null NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb CONSTRAINT history_doc_not_null NOT NULL,
    path_keys bigint[] CONSTRAINT history_path_keys_not_null NOT NULL,
    ref_keys bigint[] CONSTRAINT history_ref_keys_not_null NOT NULL
);


--
-- Name: history_2026_12; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history_2026_12 (
    node_id integer CONSTRAINT history_node_id_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL COLLATE pg_catalog."C",
    entry_id uuid CONSTRAINT history_entry_id_not_null NOT NULL,
    root text DEFAULT ''::text CONSTRAINT history_root_not_null NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text CONSTRAINT history_key_not_null NOT NULL COLLATE pg_catalog."C",
    hash bytea CONSTRAINT history_hash_not_null NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone CONSTRAINT history_began_before_not_null NOT NULL,
    ended_after timestamp with time zone CONSTRAINT history_ended_after_not_null NOT NULL,
    ended_before timestamp with time zone CONSTRAINT history_ended_before_not_null NOT NULL,
    ended_why text CONSTRAINT history_ended_why_not_null NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb CONSTRAINT history_doc_not_null NOT NULL,
    path_keys bigint[] CONSTRAINT history_path_keys_not_null NOT NULL,
    ref_keys bigint[] CONSTRAINT history_ref_keys_not_null NOT NULL
);


--
-- Name: history_2027_01; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history_2027_01 (
    node_id integer CONSTRAINT history_node_id_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL COLLATE pg_catalog."C",
    entry_id uuid CONSTRAINT history_entry_id_not_null NOT NULL,
    root text DEFAULT ''::text CONSTRAINT history_root_not_null NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text CONSTRAINT history_key_not_null NOT NULL COLLATE pg_catalog."C",
    hash bytea CONSTRAINT history_hash_not_null NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone CONSTRAINT history_began_before_not_null NOT NULL,
    ended_after timestamp with time zone CONSTRAINT history_ended_after_not_null NOT NULL,
    ended_before timestamp with time zone CONSTRAINT history_ended_before_not_null NOT NULL,
    ended_why text CONSTRAINT history_ended_why_not_null NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb CONSTRAINT history_doc_not_null NOT NULL,
    path_keys bigint[] CONSTRAINT history_path_keys_not_null NOT NULL,
    ref_keys bigint[] CONSTRAINT history_ref_keys_not_null NOT NULL
);


--
-- Name: history_2027_02; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history_2027_02 (
    node_id integer CONSTRAINT history_node_id_not_null NOT NULL,
    kind text CONSTRAINT history_kind_not_null NOT NULL COLLATE pg_catalog."C",
    entry_id uuid CONSTRAINT history_entry_id_not_null NOT NULL,
    root text DEFAULT ''::text CONSTRAINT history_root_not_null NOT NULL COLLATE pg_catalog."C",
    key text DEFAULT ''::text CONSTRAINT history_key_not_null NOT NULL COLLATE pg_catalog."C",
    hash bytea CONSTRAINT history_hash_not_null NOT NULL,
    began_after timestamp with time zone,
    began_before timestamp with time zone CONSTRAINT history_began_before_not_null NOT NULL,
    ended_after timestamp with time zone CONSTRAINT history_ended_after_not_null NOT NULL,
    ended_before timestamp with time zone CONSTRAINT history_ended_before_not_null NOT NULL,
    ended_why text CONSTRAINT history_ended_why_not_null NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    mount_id text COLLATE pg_catalog."C",
    doc jsonb CONSTRAINT history_doc_not_null NOT NULL,
    path_keys bigint[] CONSTRAINT history_path_keys_not_null NOT NULL,
    ref_keys bigint[] CONSTRAINT history_ref_keys_not_null NOT NULL
);


--
-- Name: node_heartbeats; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.node_heartbeats (
    node_id integer NOT NULL,
    generation text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    state_hash bytea NOT NULL,
    heard_at timestamp with time zone NOT NULL,
    heard_before timestamp with time zone,
    listed_at timestamp with time zone,
    agent_clock double precision,
    skew double precision,
    lost_events bigint DEFAULT '0'::bigint NOT NULL
)
WITH (fillfactor='30');


--
-- Name: nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.nodes (
    id integer NOT NULL,
    cluster text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    node text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hostname text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    engine_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    engine jsonb DEFAULT '{}'::jsonb NOT NULL,
    backends jsonb DEFAULT '[]'::jsonb NOT NULL,
    problems jsonb DEFAULT '[]'::jsonb NOT NULL,
    agent text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    instance text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    attempt bigint DEFAULT '0'::bigint NOT NULL,
    boot_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    former jsonb DEFAULT '{}'::jsonb NOT NULL,
    generation text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hash_version smallint DEFAULT '1'::smallint NOT NULL,
    last_seq bigint DEFAULT '0'::bigint NOT NULL,
    state_hash bytea NOT NULL,
    last_digest bytea,
    last_reply bytea,
    changed_at timestamp with time zone NOT NULL,
    listed_at timestamp with time zone,
    observed_since timestamp with time zone,
    enumerated jsonb DEFAULT '{}'::jsonb NOT NULL,
    complete text[] DEFAULT '{}'::text[] NOT NULL,
    conflict_since timestamp with time zone,
    conflict_seen timestamp with time zone,
    conflict_with jsonb
)
WITH (fillfactor='50');


--
-- Name: nodes_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.nodes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.nodes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: rooms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rooms (
    node_id integer NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C",
    device bigint NOT NULL,
    total_bytes bigint NOT NULL,
    free_bytes bigint NOT NULL,
    total_inodes bigint NOT NULL,
    free_inodes bigint NOT NULL,
    measured_at timestamp with time zone NOT NULL
);


--
-- Name: roster_nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.roster_nodes (
    cluster text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    node text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hostname text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    role text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    availability text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    doc jsonb DEFAULT '{}'::jsonb NOT NULL,
    first_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    left_at timestamp with time zone
);


--
-- Name: rosters; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rosters (
    cluster text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    read_at timestamp with time zone NOT NULL,
    node text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    services jsonb DEFAULT '[]'::jsonb NOT NULL
);


--
-- Name: usage_current; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_current (
    node_id integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    entry_id uuid NOT NULL,
    part text NOT NULL COLLATE pg_catalog."C",
    bytes bigint NOT NULL,
    inodes bigint NOT NULL,
    partial boolean DEFAULT false NOT NULL,
    first_at timestamp with time zone NOT NULL,
    measured_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');


--
-- Name: usage_samples; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_samples (
    node_id integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    entry_id uuid NOT NULL,
    part text NOT NULL COLLATE pg_catalog."C",
    hour timestamp with time zone NOT NULL,
    bytes bigint NOT NULL,
    inodes bigint NOT NULL,
    measured_at timestamp with time zone NOT NULL
);


--
-- Name: history_2026_10; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history ATTACH PARTITION public.history_2026_10 FOR VALUES FROM ('2026-10-01 00:00:00+00') TO ('2026-11-01 00:00:00+00');


--
-- Name: history_2026_11; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history ATTACH PARTITION public.history_2026_11 FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');


--
-- Name: history_2026_12; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history ATTACH PARTITION public.history_2026_12 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');


--
-- Name: history_2027_01; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history ATTACH PARTITION public.history_2027_01 FOR VALUES FROM ('2027-01-01 00:00:00+00') TO ('2027-02-01 00:00:00+00');


--
-- Name: history_2027_02; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history ATTACH PARTITION public.history_2027_02 FOR VALUES FROM ('2027-02-01 00:00:00+00') TO ('2027-03-01 00:00:00+00');


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0003');


--
-- Data for Name: credentials; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: enrolments; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.entries VALUES (1, 'image', 'e609bb76-42cd-419c-8b1d-a728d9bb801e', '/var/lib/docker', 'sha256:2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112', '\x5ce1acba892f4c04d3d1636ee9025140f060ca4d72073b6387da019b2137c032', NULL, '2026-11-24 18:49:09.18544+00', NULL, NULL, '{"tags": ["shop/web:2.4"], "paths": [["/var/lib/docker/image/vfs/imagedb/content/sha256/2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112", "metadata", []]], "layers": ["sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e"], "backend": "vfs", "platform": "linux/amd64", "created_at": "2026-01-05T08:00:00.123456789Z"}', '{1654503772460082595}', '{-7384615865137549928,-5277751745716147793,-3117426743883818367,691281636625267828,1809862637310285257,2285029265662916791,5711968421281112004,6233438994597605409,8334050000174246460}');
INSERT INTO public.entries VALUES (1, 'layer', 'f93a9427-244f-eb4b-cb97-82ba2ebc83b5', '/var/lib/docker', 'sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8', '\xf05d40295222fdd8856de4fd1750a4e321f4d5b717c72939107f3ef644ec0806', NULL, '2026-11-24 18:49:09.18544+00', NULL, NULL, '{"paths": [["/var/lib/docker/vfs/dir/40cacad73629a7aab08da4838298bd6795930b68a98142aab8483457322fe6b5", "layer", ["."]], ["/var/lib/docker/image/vfs/layerdb/sha256/9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "metadata", []]], "backend": "vfs", "diff_id": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "cache_id": "40cacad73629a7aab08da4838298bd6795930b68a98142aab8483457322fe6b5", "diff_path": "/var/lib/docker/vfs/dir/40cacad73629a7aab08da4838298bd6795930b68a98142aab8483457322fe6b5", "path_kind": "full-view"}', '{-3551977694666767157,2952295809628389858}', '{-9207610246992080991,-7083958248492496522,-4873747960522000945,-1383254816737371625,1072472280290851271,1809862637310285257,3117812303966985406}');
INSERT INTO public.entries VALUES (1, 'layer', 'fa8fd3a5-4e43-fbba-69d5-ef00a64cd946', '/var/lib/docker', 'sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e', '\x97d86e9a814d0d37764095633af8c9415cf0fd23e3b8b3a3b3b8b85f96f07fc3', NULL, '2026-11-24 18:49:09.18544+00', NULL, NULL, '{"paths": [["/var/lib/docker/vfs/dir/d56f41b5f100cc7e80c7270920a9e625a6fa4c81377a7547b7e50e2838a59b63", "layer", ["."]], ["/var/lib/docker/image/vfs/layerdb/sha256/b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e", "metadata", []]], "parent": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "backend": "vfs", "diff_id": "sha256:92fba20fa077a78cda7c41556ca45191ed215a5f0490987daa3c8b380302cca9", "cache_id": "d56f41b5f100cc7e80c7270920a9e625a6fa4c81377a7547b7e50e2838a59b63", "diff_path": "/var/lib/docker/vfs/dir/d56f41b5f100cc7e80c7270920a9e625a6fa4c81377a7547b7e50e2838a59b63", "path_kind": "full-view"}', '{-4161077863668770990,826017154548372272}', '{-7756616452802605804,-7384615865137549928,-4567906221900723282,-2788274838643947572,-451138431955487848,1888708376757058493,2619684633995255811,7743064350260923802}');
INSERT INTO public.entries VALUES (1, 'volume', '445a20fa-29a0-d4e8-6c77-7b098097441a', '/var/lib/docker', 'shop_uploads', '\x6f386f8e8149428e2d62acc55cab7dffb0944a21af3e0149c2cade9bf16f1dc4', NULL, '2026-11-24 18:49:09.18544+00', NULL, NULL, '{"paths": [["/var/lib/docker/volumes/shop_uploads/_data", "volume", ["."]], ["/var/lib/docker/volumes/shop_uploads", "volume-dir", []]], "driver": "local", "mountpoint": "/var/lib/docker/volumes/shop_uploads/_data"}', '{-6452389045178641923,-1058978628198109853}', '{-6592321256165441570,-1986885512563266497}');
INSERT INTO public.entries VALUES (2, 'bind', 'e007c951-83fe-8a76-a7e6-c2d945c16969', '/var/lib/docker', '/srv/shop/config', '\x42bede08bc2cd8969b7d319021b27fdc1d27712ee5cb7452351bf3ccef26a67f', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"paths": [["/srv/shop/config", "source", ["."]]]}', '{-2131757893182308273}', '{-8822251459655732029,-7149440191275330034}');
INSERT INTO public.entries VALUES (2, 'layer', 'f93a9427-244f-eb4b-cb97-82ba2ebc83b5', '/var/lib/docker', 'sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8', '\x5609c5e0b4b8a7248a0a6f317834e7008dc9b4c0bc8d43513d49c6cd25e46f4f', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"paths": [["/var/lib/docker/aufs/diff/73443d2b982e1b3cd06bd5df96e2710d7307f0248fe316533ea9d02dff4b0ffc", "layer", ["."]], ["/var/lib/docker/aufs/layers/73443d2b982e1b3cd06bd5df96e2710d7307f0248fe316533ea9d02dff4b0ffc", "metadata", []], ["/var/lib/docker/aufs/mnt/73443d2b982e1b3cd06bd5df96e2710d7307f0248fe316533ea9d02dff4b0ffc", "mount", ["."]], ["/var/lib/docker/image/aufs/layerdb/sha256/9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "metadata", []]], "backend": "aufs", "diff_id": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "cache_id": "73443d2b982e1b3cd06bd5df96e2710d7307f0248fe316533ea9d02dff4b0ffc", "diff_path": "/var/lib/docker/aufs/diff/73443d2b982e1b3cd06bd5df96e2710d7307f0248fe316533ea9d02dff4b0ffc", "path_kind": "diff"}', '{-3525313790723254090,-293276717768756567,-291413633637612737,3561857103485182718}', '{-9207610246992080991,-7083958248492496522,-6978819500862073950,-2186162947360151597,1072472280290851271,1809862637310285257,3117812303966985406}');
INSERT INTO public.entries VALUES (2, 'container', 'af43c9da-d660-3296-a774-9bd9d2324837', '/var/lib/docker', 'cb109fb58e03e207c66bb67e378da7c8045a26a3f8e1c280f5b408d369141946', '\xf7672bf8ca896bb2a7b73bc24d1cb96b2a8e93bdf4822c6b53c639ffdffff027', NULL, '2026-11-24 18:49:09.262074+00', 'shop_web.2.zq0ree4bk9q4pr0m9khba4tpk', '1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d', '{"name": "shop_web.2.zq0ree4bk9q4pr0m9khba4tpk", "image": "shop/web:2.4", "paths": [["/var/lib/docker/aufs/diff/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d", "writable", ["."]], ["/var/lib/docker/image/aufs/layerdb/mounts/cb109fb58e03e207c66bb67e378da7c8045a26a3f8e1c280f5b408d369141946", "metadata", []], ["/var/lib/docker/aufs/layers/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d", "metadata", []], ["/var/lib/docker/aufs/mnt/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d", "mount", ["."]], ["/var/lib/docker/aufs/diff/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d-init", "init", ["."]], ["/var/lib/docker/aufs/layers/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d-init", "metadata", []], ["/var/lib/docker/aufs/mnt/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d-init", "mount", ["."]], ["/var/lib/docker/containers/cb109fb58e03e207c66bb67e378da7c8045a26a3f8e1c280f5b408d369141946", "container-dir", []]], "state": "running", "labels": {"com.docker.swarm.task": "", "com.docker.swarm.node.id": "k7vez146f5jbslqu1omz4lhtt", "com.docker.swarm.task.id": "zq0ree4bk9q4pr0m9khba4tpk", "com.docker.stack.namespace": "shop", "com.docker.swarm.task.name": "shop_web.2.zq0ree4bk9q4pr0m9khba4tpk", "com.docker.swarm.service.id": "7owts1h2z38w1ag2fgsl86ub8", "com.docker.swarm.service.name": "shop_web"}, "mounts": [{"rw": true, "mode": "", "name": "", "type": "bind", "driver": "", "source": "/srv/shop/config", "destination": "/srv/app/config", "propagation": "rprivate"}, {"rw": true, "mode": "z", "name": "shop_uploads", "type": "volume", "driver": "local", "source": "/var/lib/docker/volumes/shop_uploads/_data", "destination": "/srv/app/uploads", "propagation": ""}], "backend": "aufs", "init_id": "1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d-init", "image_id": "sha256:2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112", "mount_id": "1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d", "diff_path": "/var/lib/docker/aufs/diff/1fa9bd2ddac50c4cdca579a7c5793e77cc4bed9db4f558093b3ebe3c7650982d", "path_kind": "diff", "created_at": "2026-01-05T08:00:00.123456789Z", "started_at": "2026-01-05T08:00:01.5Z", "resolved_by": "layerdb", "parent_chain_id": "sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e"}', '{-7873575761558413366,-1482118335838262559,-729439892778549284,-329683443513183246,2131491990664172477,4929689015059942746,8352341613127573955,8385503044142037263}', '{-9069438131538913373,-8977262404300391142,-8822251459655732029,-7766473101852791372,-7533151164743226334,-7479667912162830330,-7384615865137549928,-7113655332513944339,-6973652395314037191,-6876986595357741925,-6436240679495285900,-3117426743883818367,-2465131138059092122,-2361576845271500275,-2087431040879957573,-1986885512563266497,-1850155618524066277,-1492600784509676569,-617517429960489372,2285029265662916791,2697446208650082600,2709774708024007816,3485499138084044499,3506344125042097774,3606621083791567640,3857298615790721072,4469043673271241571,4963621923223257416,6233438994597605409,7000838007176484685,7049004674709539737,7731438717102826246,7989291626395917503,8029055296169240583,8334050000174246460,9024089127555440442}');
INSERT INTO public.entries VALUES (2, 'image', '624ef82f-cf43-08b9-e36e-4725cf2726c8', '/var/lib/docker', 'sha256:894dfb757e307968833d0f9e983ba684be0f9187b64d616c9a1669272cca8db6', '\x9401402562965dbae14c6ef8e6e008e21e444e24cd11339d91624805b7cfe5ac', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"tags": ["shop/tools:1.0"], "paths": [["/var/lib/docker/image/aufs/imagedb/content/sha256/894dfb757e307968833d0f9e983ba684be0f9187b64d616c9a1669272cca8db6", "metadata", []]], "layers": ["sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "sha256:6e8f691afe7788c394cf459cad5a0214f973f9e9b078e37f83bbb7b5342ae399"], "backend": "aufs", "platform": "linux/amd64", "created_at": "2026-01-05T08:00:00.123456789Z"}', '{-8648603291932885884}', '{-3299454416962254729,-1972672937102010257,-1811174007144438634,-705315958239706126,1809862637310285257,3133535719099774624,4151713651162350950,8321375511296377801,9095825734592508067}');
INSERT INTO public.entries VALUES (2, 'image', 'e609bb76-42cd-419c-8b1d-a728d9bb801e', '/var/lib/docker', 'sha256:2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112', '\xcef35f61ccd390ca0650a13a4dbe3badcf5ca27e3d8dad2b803300dcf217cbc5', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"tags": ["shop/web:2.4"], "paths": [["/var/lib/docker/image/aufs/imagedb/content/sha256/2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112", "metadata", []]], "layers": ["sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e"], "backend": "aufs", "platform": "linux/amd64", "created_at": "2026-01-05T08:00:00.123456789Z"}', '{-4077849598545401474}', '{-7384615865137549928,-5277751745716147793,-3117426743883818367,691281636625267828,1809862637310285257,2285029265662916791,5711968421281112004,6233438994597605409,8334050000174246460}');
INSERT INTO public.entries VALUES (2, 'layer', '41c1dc99-07f2-db70-daf0-32374cf88aa9', '/var/lib/docker', 'sha256:6e8f691afe7788c394cf459cad5a0214f973f9e9b078e37f83bbb7b5342ae399', '\x9678e4c075f3ceb5fd9811150daad81cd2c7a406fb638498fefe8b4652f81ac4', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"paths": [["/var/lib/docker/aufs/diff/e843e041d3fbbc136b2babc848b5227da81bf0139f9f6214e15041e885c8cd96", "layer", ["."]], ["/var/lib/docker/aufs/layers/e843e041d3fbbc136b2babc848b5227da81bf0139f9f6214e15041e885c8cd96", "metadata", []], ["/var/lib/docker/aufs/mnt/e843e041d3fbbc136b2babc848b5227da81bf0139f9f6214e15041e885c8cd96", "mount", ["."]], ["/var/lib/docker/image/aufs/layerdb/sha256/6e8f691afe7788c394cf459cad5a0214f973f9e9b078e37f83bbb7b5342ae399", "metadata", []]], "parent": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "backend": "aufs", "diff_id": "sha256:2f5dfe98a9a79dc496ac49e7399c3ba79719957ef23d384ebf8d112bf92a3b01", "cache_id": "e843e041d3fbbc136b2babc848b5227da81bf0139f9f6214e15041e885c8cd96", "diff_path": "/var/lib/docker/aufs/diff/e843e041d3fbbc136b2babc848b5227da81bf0139f9f6214e15041e885c8cd96", "path_kind": "diff"}', '{-3907508693838316720,861800171836531127,3940837059090666913,4213434402741090020}', '{-6536230638090391152,-5093547420579651139,-3907411222125899303,1038432026509761427,1186921874098675874,3133535719099774624,5161705640531299559,7743064350260923802}');
INSERT INTO public.entries VALUES (2, 'layer', 'fa8fd3a5-4e43-fbba-69d5-ef00a64cd946', '/var/lib/docker', 'sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e', '\x2d913fda77fc4641d3ca43aed4f4fa1b2c706c3d64660f471303e3f0a6403fe9', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"paths": [["/var/lib/docker/aufs/diff/731072a80db7daa4c2399cbf37624f072e8ee9350a0e56e16720f136f7810ced", "layer", ["."]], ["/var/lib/docker/aufs/layers/731072a80db7daa4c2399cbf37624f072e8ee9350a0e56e16720f136f7810ced", "metadata", []], ["/var/lib/docker/aufs/mnt/731072a80db7daa4c2399cbf37624f072e8ee9350a0e56e16720f136f7810ced", "mount", ["."]], ["/var/lib/docker/image/aufs/layerdb/sha256/b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e", "metadata", []]], "parent": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "backend": "aufs", "diff_id": "sha256:92fba20fa077a78cda7c41556ca45191ed215a5f0490987daa3c8b380302cca9", "cache_id": "731072a80db7daa4c2399cbf37624f072e8ee9350a0e56e16720f136f7810ced", "diff_path": "/var/lib/docker/aufs/diff/731072a80db7daa4c2399cbf37624f072e8ee9350a0e56e16720f136f7810ced", "path_kind": "diff"}', '{-2198483740849299169,-2074242445296125932,-1689727475406779757,6882106161570554728}', '{-7756616452802605804,-7384615865137549928,-4567906221900723282,-2607612411768449002,-2027173948495050017,-451138431955487848,2619684633995255811,7743064350260923802}');
INSERT INTO public.entries VALUES (2, 'volume', '445a20fa-29a0-d4e8-6c77-7b098097441a', '/var/lib/docker', 'shop_uploads', '\x6f386f8e8149428e2d62acc55cab7dffb0944a21af3e0149c2cade9bf16f1dc4', NULL, '2026-11-24 18:49:09.262074+00', NULL, NULL, '{"paths": [["/var/lib/docker/volumes/shop_uploads/_data", "volume", ["."]], ["/var/lib/docker/volumes/shop_uploads", "volume-dir", []]], "driver": "local", "mountpoint": "/var/lib/docker/volumes/shop_uploads/_data"}', '{-6452389045178641923,-1058978628198109853}', '{-6592321256165441570,-1986885512563266497}');
INSERT INTO public.entries VALUES (3, 'container', '483208d7-978a-105b-e5f8-1a9bec3f9ce5', '/var/lib/docker', 'f7fd9f1d41a4311b3013bd486d1766159ddd852beaf9893c9ff21b8291be32d3', '\xd4012dd4cfb576cf09501d6095d3757596cbe255ecd185f0bd8425e4fd670768', NULL, '2026-11-24 18:49:09.409686+00', 'shop_db.1.9kp8md6f9mlz6y1m5wgxy87mr', 'df2f693d5420a2669158970ae38bff9a9e30825500043dbb3f410b513901f57d', '{"name": "shop_db.1.9kp8md6f9mlz6y1m5wgxy87mr", "image": "postgres:17", "paths": [["/var/lib/docker/overlay2/df2f693d5420a2669158970ae38bff9a9e30825500043dbb3f410b513901f57d", "writable", ["diff", "merged"]], ["/var/lib/docker/image/overlay2/layerdb/mounts/f7fd9f1d41a4311b3013bd486d1766159ddd852beaf9893c9ff21b8291be32d3", "metadata", []], ["/var/lib/docker/overlay2/l/5MVWL7QDUF2KZ7WQMX4Z7FN37G", "link", ["."]], ["/var/lib/docker/overlay2/df2f693d5420a2669158970ae38bff9a9e30825500043dbb3f410b513901f57d-init", "init", ["diff", "merged"]], ["/var/lib/docker/overlay2/l/BTEPAVRFFZVUPRWUPUMEC32TLJ", "init", ["."]], ["/var/lib/docker/containers/f7fd9f1d41a4311b3013bd486d1766159ddd852beaf9893c9ff21b8291be32d3", "container-dir", []]], "state": "running", "labels": {"com.docker.swarm.task": "", "com.docker.swarm.node.id": "7ta6pqr4crqfr84al62x8mmwb", "com.docker.swarm.task.id": "9kp8md6f9mlz6y1m5wgxy87mr", "com.docker.stack.namespace": "shop", "com.docker.swarm.task.name": "shop_db.1.9kp8md6f9mlz6y1m5wgxy87mr", "com.docker.swarm.service.id": "a3izmdgdch4a2qdd1trg3nsmu", "com.docker.swarm.service.name": "shop_db"}, "mounts": [{"rw": true, "mode": "z", "name": "shop_db-data", "type": "volume", "driver": "local", "source": "/var/lib/docker/volumes/shop_db-data/_data", "destination": "/var/lib/postgresql/data", "propagation": ""}], "backend": "overlay2", "init_id": "df2f693d5420a2669158970ae38bff9a9e30825500043dbb3f410b513901f57d-init", "image_id": "sha256:9ef7f63ace3d83643afca419c36c1ec778bb805f1508aecefe7352c3581ea1af", "mount_id": "df2f693d5420a2669158970ae38bff9a9e30825500043dbb3f410b513901f57d", "diff_path": "/var/lib/docker/overlay2/df2f693d5420a2669158970ae38bff9a9e30825500043dbb3f410b513901f57d/diff", "path_kind": "diff", "created_at": "2026-01-05T08:00:00.123456789Z", "started_at": "2026-01-05T08:00:01.5Z", "resolved_by": "layerdb", "parent_chain_id": "sha256:706386c490a079c66abc3d8eb85934e089dc891b3286a63d9fe0bd6bf5cd371f"}', '{-8960953446407017583,-521816271259718604,4926813574303934,2157889310974588767,2780752055770354078,8857743655208668841}', '{-7766473101852791372,-7708425249690627689,-7347430491682918738,-6876986595357741925,-6797074938027158348,-6386298271504778504,-6074920488603839312,-5574741962880801461,-5563307219032948071,-5543032131036540917,-5332646697921178756,-3613778807490707756,-2361576845271500275,-2072197748774955697,-1850155618524066277,-1808320753848128867,-1229709542330794262,-1070242068027574306,780728183563499558,1386002547413405267,1886204306570703605,2337788473864903008,2654744830746039575,3485499138084044499,3506344125042097774,3606621083791567640,3814041994162344480,3857298615790721072,4326175074633418392,5261377033551785328,5604641220720946341,6472797066433715318,6749513139882821461,7000838007176484685,7731438717102826246,8092002751933176914,8282395874023076933}');
INSERT INTO public.entries VALUES (3, 'image', 'e609bb76-42cd-419c-8b1d-a728d9bb801e', '/var/lib/docker', 'sha256:2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112', '\x1d9b44cc11995074aa84bba56730ee92940a5f924ed30e4eaa21b76eec23dd98', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"tags": ["shop/web:2.4"], "paths": [["/var/lib/docker/image/overlay2/imagedb/content/sha256/2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112", "metadata", []]], "layers": ["sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e"], "backend": "overlay2", "platform": "linux/amd64", "created_at": "2026-01-05T08:00:00.123456789Z"}', '{-7486607474997006999}', '{-7384615865137549928,-5277751745716147793,-3117426743883818367,691281636625267828,1809862637310285257,2285029265662916791,5711968421281112004,6233438994597605409,8334050000174246460}');
INSERT INTO public.entries VALUES (3, 'image', 'e74702d5-cdb6-0243-1375-60ef4a8c2581', '/var/lib/docker', 'sha256:9ef7f63ace3d83643afca419c36c1ec778bb805f1508aecefe7352c3581ea1af', '\x87a3633554b25a97ce0d0deca5fbc8c6cbd8180975429d14b01a0085d782e69a', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"tags": ["postgres:17"], "paths": [["/var/lib/docker/image/overlay2/imagedb/content/sha256/9ef7f63ace3d83643afca419c36c1ec778bb805f1508aecefe7352c3581ea1af", "metadata", []]], "layers": ["sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "sha256:706386c490a079c66abc3d8eb85934e089dc891b3286a63d9fe0bd6bf5cd371f"], "backend": "overlay2", "platform": "linux/amd64", "created_at": "2026-01-05T08:00:00.123456789Z"}', '{-2485442431814406432}', '{-9223002906378682919,-7708425249690627689,-6960876276521643785,-6797074938027158348,-6074920488603839312,-2072197748774955697,1809862637310285257,6472797066433715318,6918343087698841238}');
INSERT INTO public.entries VALUES (3, 'layer', 'ac4653c5-d615-2963-75a4-d27785a121b9', '/var/lib/docker', 'sha256:706386c490a079c66abc3d8eb85934e089dc891b3286a63d9fe0bd6bf5cd371f', '\x80e3abaaf012f7cfae65bf46ced774d9224a90ad3bd5b98b8e2e663501e6dac3', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"paths": [["/var/lib/docker/overlay2/1c0511341563cd814cc0321506119715e95c655bd0e61379f655d5af98e7e777", "layer", ["diff"]], ["/var/lib/docker/overlay2/l/IDDNYOXWACOAWEPYQTRA3KJDNJ", "link", ["."]], ["/var/lib/docker/image/overlay2/layerdb/sha256/706386c490a079c66abc3d8eb85934e089dc891b3286a63d9fe0bd6bf5cd371f", "metadata", []]], "parent": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "backend": "overlay2", "diff_id": "sha256:9208289a0aa2ed54e7edf303397ee4ce4aae3e68fba3330d8cb49dc0d6764576", "cache_id": "1c0511341563cd814cc0321506119715e95c655bd0e61379f655d5af98e7e777", "diff_path": "/var/lib/docker/overlay2/1c0511341563cd814cc0321506119715e95c655bd0e61379f655d5af98e7e777/diff", "path_kind": "diff"}', '{-6126944367117981840,393800088874739492,1047856604709964373}', '{-8677327327509156513,-6797074938027158348,-4825135210666977823,-3608599179605455942,-2305616511037193550,-902733412945801700,4530545931634473480,6836873518705052878,7743064350260923802}');
INSERT INTO public.entries VALUES (3, 'layer', 'ac53fce9-a8d5-754d-8dc0-87eba63a8a49', '/var/lib/docker', 'overlay2/d3c265ce9ed8f400eb5a637213e4813de6b1b2cb97c7ebe21671093e6d0a8670', '\x2df937fa6a4506ab4d052fa227ec935fa6b4693f4a80c248d7f4f935ef455561', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/overlay2/d3c265ce9ed8f400eb5a637213e4813de6b1b2cb97c7ebe21671093e6d0a8670", "layer", ["diff"]], ["/var/lib/docker/overlay2/l/EL7JJAKCAE2KIYDZP2R6H47KKB", "link", ["."]]], "backend": "overlay2", "cache_id": "d3c265ce9ed8f400eb5a637213e4813de6b1b2cb97c7ebe21671093e6d0a8670", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/overlay2/d3c265ce9ed8f400eb5a637213e4813de6b1b2cb97c7ebe21671093e6d0a8670/diff", "path_kind": "diff"}', '{-3588112809779747212,3681759855648686370}', '{-4423764385446498808,297089441101371859,5341572657262223177,6222742735173311136}');
INSERT INTO public.entries VALUES (3, 'layer', 'f93a9427-244f-eb4b-cb97-82ba2ebc83b5', '/var/lib/docker', 'sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8', '\x0acedad2876598602a40aa9e24e8986cdf2a2293fd3d731ab5bc0374c69bd92f', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"paths": [["/var/lib/docker/overlay2/db4111c7614ec76256b38beecfea0f2a502a5ca99d6a465f1bda4250e74288c0", "layer", ["diff"]], ["/var/lib/docker/overlay2/l/ZW5KMNHM3JTRQMMBP2YYVFDPVQ", "link", ["."]], ["/var/lib/docker/image/overlay2/layerdb/sha256/9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "metadata", []]], "backend": "overlay2", "diff_id": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "cache_id": "db4111c7614ec76256b38beecfea0f2a502a5ca99d6a465f1bda4250e74288c0", "diff_path": "/var/lib/docker/overlay2/db4111c7614ec76256b38beecfea0f2a502a5ca99d6a465f1bda4250e74288c0/diff", "path_kind": "diff"}', '{-8656159024148377213,-2549472181654766035,6780250028672937618}', '{-9207610246992080991,-7083958248492496522,-6590057898955661485,-2955501615667685299,1072472280290851271,1809862637310285257,3117812303966985406,8159964293603908692}');
INSERT INTO public.entries VALUES (3, 'layer', 'fa8fd3a5-4e43-fbba-69d5-ef00a64cd946', '/var/lib/docker', 'sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e', '\xb637f848305bdcaace622714d76b6674af968204ce13941fa2c248aa3b5519aa', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"paths": [["/var/lib/docker/overlay2/07612e99caed6ccde39f49336ea1da31bcf87b09d62005cf70e320fd8a250149", "layer", ["diff"]], ["/var/lib/docker/overlay2/l/QYKYNHFQE23BB34ADT3DAVZVAJ", "link", ["."]], ["/var/lib/docker/image/overlay2/layerdb/sha256/b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e", "metadata", []]], "parent": "sha256:9950d4d98a9cad6a6fc30bbd11a75645903504ad7f328b270eb0d69a67ce37a8", "backend": "overlay2", "diff_id": "sha256:92fba20fa077a78cda7c41556ca45191ed215a5f0490987daa3c8b380302cca9", "cache_id": "07612e99caed6ccde39f49336ea1da31bcf87b09d62005cf70e320fd8a250149", "diff_path": "/var/lib/docker/overlay2/07612e99caed6ccde39f49336ea1da31bcf87b09d62005cf70e320fd8a250149/diff", "path_kind": "diff"}', '{-1125402582675373883,1983224843202982840,8584243421665855878}', '{-7778837763367667886,-7756616452802605804,-7384615865137549928,-6352148657290179228,-4567906221900723282,-451138431955487848,2619684633995255811,7743064350260923802,9050999191511860132}');
INSERT INTO public.entries VALUES (3, 'volume', '445a20fa-29a0-d4e8-6c77-7b098097441a', '/var/lib/docker', 'shop_uploads', '\x6f386f8e8149428e2d62acc55cab7dffb0944a21af3e0149c2cade9bf16f1dc4', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"paths": [["/var/lib/docker/volumes/shop_uploads/_data", "volume", ["."]], ["/var/lib/docker/volumes/shop_uploads", "volume-dir", []]], "driver": "local", "mountpoint": "/var/lib/docker/volumes/shop_uploads/_data"}', '{-6452389045178641923,-1058978628198109853}', '{-6592321256165441570,-1986885512563266497}');
INSERT INTO public.entries VALUES (3, 'volume', 'a33df88a-9103-2af5-f71b-88ba5f4f4007', '/var/lib/docker', 'shop_db-data', '\x192c883da7041e938016a2214b8a3bca0478aa6e9ab9dff1ba8016c8b7729298', NULL, '2026-11-24 18:49:09.409686+00', NULL, NULL, '{"paths": [["/var/lib/docker/volumes/shop_db-data/_data", "volume", ["."]], ["/var/lib/docker/volumes/shop_db-data", "volume-dir", []]], "driver": "local", "mountpoint": "/var/lib/docker/volumes/shop_db-data/_data"}', '{-5521671013186255938,1695223626208308388}', '{4326175074633418392,4976765501755419235}');
INSERT INTO public.entries VALUES (3, 'layer', '352c1973-5953-bf00-0730-9a067b843021', '/var/lib/docker', 'overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5', '\xe378221f9a0a014fedf1d006cbbdd7d381e90477e33c0703ac5058b645c9fcbf', '2026-11-24 18:49:14.394944+00', '2026-11-24 18:49:15.761559+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5", "layer", ["diff"]], ["/var/lib/docker/overlay2/l/FW3HIMEBPVFET5IDOEDHGM4Z6Y", "link", ["."]]], "backend": "overlay2", "cache_id": "8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5/diff", "path_kind": "diff"}', '{-5341734269758534466,6731930716470205536}', '{-4410315300206966070,-1753163011064135895,-271219745441491587,4487423423764680536}');
INSERT INTO public.entries VALUES (3, 'layer', '4ca2ccae-1390-c7bb-3ba5-11090676cf16', '/var/lib/docker', 'overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5-init', '\x6991686105f69bc07fc94b18dc8ff86e564a85da2de44e71ff4576f05a6d0c4d', '2026-11-24 18:49:14.394944+00', '2026-11-24 18:49:15.761559+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5-init", "layer", ["diff"]], ["/var/lib/docker/overlay2/l/JCM6L4CXFE6GECAUBHARVMBKVB", "link", ["."]]], "backend": "overlay2", "cache_id": "8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5-init", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5-init/diff", "path_kind": "diff"}', '{-874944735673631801,1264835232914768907}', '{-8404783428517858117,-5558624274277812364,-5258057776061900902,1995960661138829585}');
INSERT INTO public.entries VALUES (2, 'layer', 'bd470cb9-60d8-98be-86f2-11e467be8245', '/var/lib/docker', 'aufs/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb', '\x59d180a4f4ade1b5a8c80c330a1b88e047a669814b487cd0a00f541100dc25b2', '2026-11-24 18:49:15.958363+00', '2026-11-24 18:49:16.191863+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "layer", ["."]], ["/var/lib/docker/aufs/layers/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "metadata", []], ["/var/lib/docker/aufs/mnt/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "mount", ["."]]], "backend": "aufs", "cache_id": "09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "path_kind": "diff"}', '{-203984567580990218,307637639460440039,8872846331098110613}', '{-7371165553955566390,4002866606563495511,9196047583083741337}');
INSERT INTO public.entries VALUES (2, 'layer', 'f06d9fd4-5a03-8960-7f9b-7546834b7d64', '/var/lib/docker', 'aufs/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init', '\x5befcfc24e20b0cb98fa282c42a7d2bcf187c7d396647412befa951390a9dc40', '2026-11-24 18:49:15.958363+00', '2026-11-24 18:49:16.191863+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "layer", ["."]], ["/var/lib/docker/aufs/layers/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "metadata", []], ["/var/lib/docker/aufs/mnt/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "mount", ["."]]], "backend": "aufs", "cache_id": "09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "path_kind": "diff"}', '{-7699657600736134879,16420865230948353,972723252951994455}', '{-7663953055848129804,-6237979219528241325,1984756065987233080}');
INSERT INTO public.entries VALUES (1, 'layer', '63de3808-358d-a732-ead3-a69cd19196ca', '/var/lib/docker', 'vfs/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020', '\x57805cecec7c2ade86e40d948123b51511137649b1001056e1c93138e577156e', '2026-11-24 18:49:16.230547+00', '2026-11-24 18:49:17.064629+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020", "layer", ["."]]], "backend": "vfs", "cache_id": "eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020", "path_kind": "full-view"}', '{-3622247373797954551}', '{-7647866541645234671,7029225519750580897,8907039667776864518}');
INSERT INTO public.entries VALUES (1, 'layer', 'ce7a7411-c0e8-039a-2f7a-a462754772cb', '/var/lib/docker', 'vfs/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020-init', '\x64b8bf403399ef5299a2eedd539dcb83925ebbcc53a29b6ea0de7b3fa96eecee', '2026-11-24 18:49:16.230547+00', '2026-11-24 18:49:17.064629+00', NULL, NULL, '{"use": "unclaimed", "paths": [["/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020-init", "layer", ["."]]], "backend": "vfs", "cache_id": "eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020-init", "evidence": "no container, image or build cache names it, but it was changed lately", "diff_path": "/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020-init", "path_kind": "full-view"}', '{8761324446418011661}', '{-1994526961464836925,791144443450665665,2499160960241064882}');


--
-- Data for Name: gaps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (1, 1, 'silent', '', '2026-11-24 18:49:09.18544+00', '2026-11-24 18:49:10.839155+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (2, 2, 'silent', '', '2026-11-24 18:49:09.262074+00', '2026-11-24 18:49:10.839302+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (3, 1, 'silent', '', '2026-11-24 18:49:10.839155+00', '2026-11-24 18:49:12.376989+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (4, 2, 'silent', '', '2026-11-24 18:49:10.839302+00', '2026-11-24 18:49:12.37707+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (5, 3, 'silent', '', '2026-11-24 18:49:10.839315+00', '2026-11-24 18:49:12.377085+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (6, 1, 'silent', '', '2026-11-24 18:49:12.376989+00', '2026-11-24 18:49:13.901156+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (7, 2, 'silent', '', '2026-11-24 18:49:12.37707+00', '2026-11-24 18:49:13.901221+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (8, 3, 'silent', '', '2026-11-24 18:49:12.377085+00', '2026-11-24 18:49:13.901236+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (9, 1, 'silent', '', '2026-11-24 18:49:13.901156+00', '2026-11-24 18:49:15.44241+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (10, 2, 'silent', '', '2026-11-24 18:49:13.901221+00', '2026-11-24 18:49:15.442482+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (11, 3, 'silent', '', '2026-11-24 18:49:13.901236+00', '2026-11-24 18:49:15.442492+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (12, 1, 'silent', '', '2026-11-24 18:49:15.44241+00', '2026-11-24 18:49:16.964285+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (13, 2, 'silent', '', '2026-11-24 18:49:16.964351+00', '2026-11-24 18:49:18.481201+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (14, 3, 'silent', '', '2026-11-24 18:49:16.96436+00', '2026-11-24 18:49:18.481211+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (15, 1, 'silent', '', '2026-11-24 18:49:18.481121+00', '2026-11-24 18:49:20.007136+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (16, 2, 'silent', '', '2026-11-24 18:49:18.481201+00', '2026-11-24 18:49:20.007209+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (17, 3, 'silent', '', '2026-11-24 18:49:18.481211+00', '2026-11-24 18:49:20.007221+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (18, 1, 'silent', '', '2026-11-24 18:49:20.007136+00', '2026-11-24 18:49:21.538794+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (19, 2, 'silent', '', '2026-11-24 18:49:20.007209+00', '2026-11-24 18:49:21.538879+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (20, 3, 'silent', '', '2026-11-24 18:49:20.007221+00', '2026-11-24 18:49:21.538888+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (21, 1, 'silent', '', '2026-11-24 18:49:21.538794+00', '2026-11-24 18:49:23.060589+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (22, 2, 'silent', '', '2026-11-24 18:49:21.538879+00', '2026-11-24 18:49:23.06066+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (23, 3, 'silent', '', '2026-11-24 18:49:21.538888+00', '2026-11-24 18:49:23.06067+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (24, 1, 'silent', '', '2026-11-24 18:49:23.060589+00', '2026-11-24 18:49:24.587944+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (25, 2, 'silent', '', '2026-11-24 18:49:23.06066+00', '2026-11-24 18:49:24.587995+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (26, 3, 'silent', '', '2026-11-24 18:49:23.06067+00', '2026-11-24 18:49:24.588003+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (27, 1, 'silent', '', '2026-11-24 18:49:24.587944+00', '2026-11-24 18:49:26.109157+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (28, 2, 'silent', '', '2026-11-24 18:49:24.587995+00', '2026-11-24 18:49:26.109219+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (29, 3, 'silent', '', '2026-11-24 18:49:24.588003+00', '2026-11-24 18:49:26.109228+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (30, 1, 'silent', '', '2026-11-24 18:49:26.109157+00', '2026-11-24 18:49:27.774955+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (31, 2, 'silent', '', '2026-11-24 18:49:26.109219+00', '2026-11-24 18:49:27.775017+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (32, 3, 'silent', '', '2026-11-24 18:49:26.109228+00', '2026-11-24 18:49:27.775025+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (33, 1, 'silent', '', '2026-11-24 18:49:27.774955+00', '2026-11-24 18:49:29.328126+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (34, 2, 'silent', '', '2026-11-24 18:49:27.775017+00', '2026-11-24 18:49:29.328197+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (35, 3, 'silent', '', '2026-11-24 18:49:27.775025+00', '2026-11-24 18:49:29.328204+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (36, 1, 'silent', '', '2026-11-24 18:49:29.328126+00', '2026-11-24 18:49:30.848552+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (37, 2, 'silent', '', '2026-11-24 18:49:29.328197+00', '2026-11-24 18:49:30.848629+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (38, 3, 'silent', '', '2026-11-24 18:49:29.328204+00', '2026-11-24 18:49:30.848642+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (39, 1, 'silent', '', '2026-11-24 18:49:30.848552+00', '2026-11-24 18:49:32.381147+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (40, 2, 'silent', '', '2026-11-24 18:49:30.848629+00', '2026-11-24 18:49:32.381212+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (41, 3, 'silent', '', '2026-11-24 18:49:30.848642+00', '2026-11-24 18:49:32.381224+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (42, 1, 'silent', '', '2026-11-24 18:49:32.381147+00', '2026-11-24 18:49:33.909989+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (43, 2, 'silent', '', '2026-11-24 18:49:32.381212+00', '2026-11-24 18:49:33.910134+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (44, 3, 'silent', '', '2026-11-24 18:49:32.381224+00', '2026-11-24 18:49:33.91015+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (45, 1, 'silent', '', '2026-11-24 18:49:33.909989+00', '2026-11-24 18:49:35.426876+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (46, 2, 'silent', '', '2026-11-24 18:49:33.910134+00', '2026-11-24 18:49:35.426927+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (47, 3, 'silent', '', '2026-11-24 18:49:33.91015+00', '2026-11-24 18:49:35.426934+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (48, 1, 'silent', '', '2026-11-24 18:49:35.426876+00', '2026-11-24 18:49:36.948867+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (49, 2, 'silent', '', '2026-11-24 18:49:35.426927+00', '2026-11-24 18:49:36.948947+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (50, 3, 'silent', '', '2026-11-24 18:49:35.426934+00', '2026-11-24 18:49:36.948959+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (51, 1, 'silent', '', '2026-11-24 18:49:36.948867+00', '2026-11-24 18:49:38.469504+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (52, 2, 'silent', '', '2026-11-24 18:49:36.948947+00', '2026-11-24 18:49:38.469567+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (53, 3, 'silent', '', '2026-11-24 18:49:36.948959+00', '2026-11-24 18:49:38.469575+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (54, 1, 'silent', '', '2026-11-24 18:49:38.469504+00', '2026-11-24 18:49:39.998272+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (55, 2, 'silent', '', '2026-11-24 18:49:38.469567+00', '2026-11-24 18:49:39.998332+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (56, 3, 'silent', '', '2026-11-24 18:49:38.469575+00', '2026-11-24 18:49:39.99834+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (57, 1, 'silent', '', '2026-11-24 18:49:39.998272+00', '2026-11-24 18:49:41.537298+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (58, 2, 'silent', '', '2026-11-24 18:49:39.998332+00', '2026-11-24 18:49:41.537352+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (59, 3, 'silent', '', '2026-11-24 18:49:39.99834+00', '2026-11-24 18:49:41.53736+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (60, 1, 'silent', '', '2026-11-24 18:49:41.537298+00', '2026-11-24 18:49:43.05912+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (61, 2, 'silent', '', '2026-11-24 18:49:41.537352+00', '2026-11-24 18:49:43.059173+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (62, 3, 'silent', '', '2026-11-24 18:49:41.53736+00', '2026-11-24 18:49:43.059181+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (63, 1, 'silent', '', '2026-11-24 18:49:43.05912+00', '2026-11-24 18:49:44.580039+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (64, 2, 'silent', '', '2026-11-24 18:49:43.059173+00', '2026-11-24 18:49:44.580105+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (65, 3, 'silent', '', '2026-11-24 18:49:43.059181+00', '2026-11-24 18:49:44.580114+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (66, 1, 'silent', '', '2026-11-24 18:49:44.580039+00', '2026-11-24 18:49:46.107744+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (67, 2, 'silent', '', '2026-11-24 18:49:44.580105+00', '2026-11-24 18:49:46.107799+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (68, 3, 'silent', '', '2026-11-24 18:49:44.580114+00', '2026-11-24 18:49:46.107807+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (69, 1, 'silent', '', '2026-11-24 18:49:46.107744+00', '2026-11-24 18:49:47.643719+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (70, 2, 'silent', '', '2026-11-24 18:49:46.107799+00', '2026-11-24 18:49:47.643769+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (71, 3, 'silent', '', '2026-11-24 18:49:46.107807+00', '2026-11-24 18:49:47.643778+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (72, 1, 'silent', '', '2026-11-24 18:49:47.643719+00', '2026-11-24 18:49:49.170931+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (73, 2, 'silent', '', '2026-11-24 18:49:47.643769+00', '2026-11-24 18:49:49.171021+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (74, 3, 'silent', '', '2026-11-24 18:49:47.643778+00', '2026-11-24 18:49:49.171036+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (75, 1, 'silent', '', '2026-11-24 18:49:49.170931+00', '2026-11-24 18:49:50.695892+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (76, 2, 'silent', '', '2026-11-24 18:49:49.171021+00', '2026-11-24 18:49:50.695951+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (77, 3, 'silent', '', '2026-11-24 18:49:49.171036+00', '2026-11-24 18:49:50.695962+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (78, 1, 'silent', '', '2026-11-24 18:49:50.695892+00', '2026-11-24 18:49:52.22838+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (79, 2, 'silent', '', '2026-11-24 18:49:50.695951+00', '2026-11-24 18:49:52.228461+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (80, 3, 'silent', '', '2026-11-24 18:49:50.695962+00', '2026-11-24 18:49:52.228472+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (81, 1, 'silent', '', '2026-11-24 18:49:52.22838+00', '2026-11-24 18:49:53.752053+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (82, 2, 'silent', '', '2026-11-24 18:49:52.228461+00', '2026-11-24 18:49:53.752126+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (83, 3, 'silent', '', '2026-11-24 18:49:52.228472+00', '2026-11-24 18:49:53.752135+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (84, 1, 'silent', '', '2026-11-24 18:49:53.752053+00', '2026-11-24 18:49:55.26775+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (85, 2, 'silent', '', '2026-11-24 18:49:53.752126+00', '2026-11-24 18:49:55.267809+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (86, 3, 'silent', '', '2026-11-24 18:49:53.752135+00', '2026-11-24 18:49:55.267817+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (87, 1, 'silent', '', '2026-11-24 18:49:55.26775+00', '2026-11-24 18:49:56.783851+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (88, 2, 'silent', '', '2026-11-24 18:49:55.267809+00', '2026-11-24 18:49:56.783921+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (89, 3, 'silent', '', '2026-11-24 18:49:55.267817+00', '2026-11-24 18:49:56.783929+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (90, 1, 'silent', '', '2026-11-24 18:49:56.783851+00', '2026-11-24 18:49:58.308755+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (91, 2, 'silent', '', '2026-11-24 18:49:56.783921+00', '2026-11-24 18:49:58.308812+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (92, 3, 'silent', '', '2026-11-24 18:49:56.783929+00', '2026-11-24 18:49:58.30882+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (93, 1, 'silent', '', '2026-11-24 18:49:58.308755+00', '2026-11-24 18:49:59.830434+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (94, 2, 'silent', '', '2026-11-24 18:49:58.308812+00', '2026-11-24 18:49:59.830533+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (95, 3, 'silent', '', '2026-11-24 18:49:58.30882+00', '2026-11-24 18:49:59.830549+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (96, 1, 'silent', '', '2026-11-24 18:49:59.830434+00', '2026-11-24 18:50:01.356737+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (97, 2, 'silent', '', '2026-11-24 18:49:59.830533+00', '2026-11-24 18:50:01.356821+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (98, 3, 'silent', '', '2026-11-24 18:49:59.830549+00', '2026-11-24 18:50:01.356835+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (99, 1, 'silent', '', '2026-11-24 18:50:01.356737+00', '2026-11-24 18:50:02.880992+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (100, 2, 'silent', '', '2026-11-24 18:50:01.356821+00', '2026-11-24 18:50:02.881071+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (101, 3, 'silent', '', '2026-11-24 18:50:01.356835+00', '2026-11-24 18:50:02.881083+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (102, 1, 'silent', '', '2026-11-24 18:50:02.880992+00', '2026-11-24 18:50:04.422031+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (103, 2, 'silent', '', '2026-11-24 18:50:02.881071+00', '2026-11-24 18:50:04.422154+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (104, 3, 'silent', '', '2026-11-24 18:50:02.881083+00', '2026-11-24 18:50:04.422168+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (105, 1, 'silent', '', '2026-11-24 18:50:04.422031+00', '2026-11-24 18:50:05.945168+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (106, 2, 'silent', '', '2026-11-24 18:50:04.422154+00', '2026-11-24 18:50:05.94525+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (107, 3, 'silent', '', '2026-11-24 18:50:04.422168+00', '2026-11-24 18:50:05.945263+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (108, 1, 'silent', '', '2026-11-24 18:50:05.945168+00', '2026-11-24 18:50:07.482298+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (109, 2, 'silent', '', '2026-11-24 18:50:05.94525+00', '2026-11-24 18:50:07.482372+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (110, 3, 'silent', '', '2026-11-24 18:50:05.945263+00', '2026-11-24 18:50:07.482382+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (111, 1, 'silent', '', '2026-11-24 18:50:07.482298+00', '2026-11-24 18:50:09.020478+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (112, 2, 'silent', '', '2026-11-24 18:50:07.482372+00', '2026-11-24 18:50:09.020564+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (113, 3, 'silent', '', '2026-11-24 18:50:07.482382+00', '2026-11-24 18:50:09.020576+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (114, 1, 'silent', '', '2026-11-24 18:50:09.020478+00', '2026-11-24 18:50:10.54108+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (115, 2, 'silent', '', '2026-11-24 18:50:09.020564+00', '2026-11-24 18:50:10.541173+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (116, 3, 'silent', '', '2026-11-24 18:50:09.020576+00', '2026-11-24 18:50:10.541189+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (117, 1, 'silent', '', '2026-11-24 18:50:10.54108+00', '2026-11-24 18:50:12.064481+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (118, 2, 'silent', '', '2026-11-24 18:50:10.541173+00', '2026-11-24 18:50:12.064562+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (119, 3, 'silent', '', '2026-11-24 18:50:10.541189+00', '2026-11-24 18:50:12.064574+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (120, 1, 'silent', '', '2026-11-24 18:50:12.064481+00', '2026-11-24 18:50:13.582876+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (121, 2, 'silent', '', '2026-11-24 18:50:12.064562+00', '2026-11-24 18:50:13.582949+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (122, 3, 'silent', '', '2026-11-24 18:50:12.064574+00', '2026-11-24 18:50:13.58296+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (123, 1, 'silent', '', '2026-11-24 18:50:13.582876+00', '2026-11-24 18:50:15.100965+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (124, 2, 'silent', '', '2026-11-24 18:50:13.582949+00', '2026-11-24 18:50:15.101093+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (125, 3, 'silent', '', '2026-11-24 18:50:13.58296+00', '2026-11-24 18:50:15.101108+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (126, 1, 'silent', '', '2026-11-24 18:50:15.100965+00', '2026-11-24 18:50:16.631436+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (127, 2, 'silent', '', '2026-11-24 18:50:15.101093+00', '2026-11-24 18:50:16.631517+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (128, 3, 'silent', '', '2026-11-24 18:50:15.101108+00', '2026-11-24 18:50:16.631527+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (129, 1, 'silent', '', '2026-11-24 18:50:16.631436+00', '2026-11-24 18:50:18.15568+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (130, 2, 'silent', '', '2026-11-24 18:50:16.631517+00', '2026-11-24 18:50:18.155784+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (131, 3, 'silent', '', '2026-11-24 18:50:16.631527+00', '2026-11-24 18:50:18.155795+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (132, 1, 'silent', '', '2026-11-24 18:50:18.15568+00', '2026-11-24 18:50:19.66999+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (133, 2, 'silent', '', '2026-11-24 18:50:18.155784+00', '2026-11-24 18:50:19.670075+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (134, 3, 'silent', '', '2026-11-24 18:50:18.155795+00', '2026-11-24 18:50:19.670086+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (135, 1, 'silent', '', '2026-11-24 18:50:19.66999+00', '2026-11-24 18:50:21.187903+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (136, 2, 'silent', '', '2026-11-24 18:50:19.670075+00', '2026-11-24 18:50:21.187966+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (137, 3, 'silent', '', '2026-11-24 18:50:19.670086+00', '2026-11-24 18:50:21.187975+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (138, 1, 'silent', '', '2026-11-24 18:50:21.187903+00', '2026-11-24 18:50:22.734225+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (139, 2, 'silent', '', '2026-11-24 18:50:21.187966+00', '2026-11-24 18:50:22.734321+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (140, 3, 'silent', '', '2026-11-24 18:50:21.187975+00', '2026-11-24 18:50:22.734332+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (141, 1, 'silent', '', '2026-11-24 18:50:22.734225+00', '2026-11-24 18:50:24.277897+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (142, 2, 'silent', '', '2026-11-24 18:50:22.734321+00', '2026-11-24 18:50:24.27803+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (143, 3, 'silent', '', '2026-11-24 18:50:22.734332+00', '2026-11-24 18:50:24.278043+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (144, 1, 'silent', '', '2026-11-24 18:50:24.277897+00', '2026-11-24 18:50:25.890558+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (145, 2, 'silent', '', '2026-11-24 18:50:24.27803+00', '2026-11-24 18:50:25.890622+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (146, 3, 'silent', '', '2026-11-24 18:50:24.278043+00', '2026-11-24 18:50:25.890632+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (147, 1, 'silent', '', '2026-11-24 18:50:25.890558+00', '2026-11-24 18:50:27.426239+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (148, 2, 'silent', '', '2026-11-24 18:50:25.890622+00', '2026-11-24 18:50:27.426302+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (149, 3, 'silent', '', '2026-11-24 18:50:25.890632+00', '2026-11-24 18:50:27.426312+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (150, 1, 'silent', '', '2026-11-24 18:50:27.426239+00', '2026-11-24 18:50:28.959563+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (151, 2, 'silent', '', '2026-11-24 18:50:27.426302+00', '2026-11-24 18:50:28.959665+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (152, 3, 'silent', '', '2026-11-24 18:50:27.426312+00', '2026-11-24 18:50:28.959679+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (153, 1, 'silent', '', '2026-11-24 18:50:28.959563+00', '2026-11-24 18:50:30.47579+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (154, 2, 'silent', '', '2026-11-24 18:50:28.959665+00', '2026-11-24 18:50:30.475875+00');
INSERT INTO public.gaps OVERRIDING SYSTEM VALUE VALUES (155, 3, 'silent', '', '2026-11-24 18:50:28.959679+00', '2026-11-24 18:50:30.475887+00');


--
-- Data for Name: history_2026_10; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: history_2026_11; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.history_2026_11 VALUES (3, 'bind', 'e007c951-83fe-8a76-a7e6-c2d945c16969', '/var/lib/docker', '/srv/shop/config', '\x42bede08bc2cd8969b7d319021b27fdc1d27712ee5cb7452351bf3ccef26a67f', NULL, '2026-11-24 18:49:09.409686+00', '2026-11-24 18:49:14.394944+00', '2026-11-24 18:49:15.761559+00', 'removed', NULL, NULL, '{"paths": [["/srv/shop/config", "source", ["."]]]}', '{-2131757893182308273}', '{-8822251459655732029,-7149440191275330034}');
INSERT INTO public.history_2026_11 VALUES (3, 'container', '148c773c-5736-a3aa-7f5f-9d92f4667239', '/var/lib/docker', 'b015236ffadad1d51a20f7800615a81d68a542f17a5687a4bd9c2c258021e6a3', '\x83d11c6bcfd9cb1ed7f443908d96479cde2fac5a3b0be0ecd08ed84cb18600c0', NULL, '2026-11-24 18:49:09.409686+00', '2026-11-24 18:49:14.394944+00', '2026-11-24 18:49:15.761559+00', 'removed', 'shop_web.1.y78cn4kg5yrtut16s569okh99', '8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5', '{"name": "shop_web.1.y78cn4kg5yrtut16s569okh99", "image": "shop/web:2.4", "paths": [["/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5", "writable", ["diff", "merged"]], ["/var/lib/docker/image/overlay2/layerdb/mounts/b015236ffadad1d51a20f7800615a81d68a542f17a5687a4bd9c2c258021e6a3", "metadata", []], ["/var/lib/docker/overlay2/l/FW3HIMEBPVFET5IDOEDHGM4Z6Y", "link", ["."]], ["/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5-init", "init", ["diff", "merged"]], ["/var/lib/docker/overlay2/l/JCM6L4CXFE6GECAUBHARVMBKVB", "init", ["."]], ["/var/lib/docker/containers/b015236ffadad1d51a20f7800615a81d68a542f17a5687a4bd9c2c258021e6a3", "container-dir", []]], "state": "running", "labels": {"com.docker.swarm.task": "", "com.docker.swarm.node.id": "7ta6pqr4crqfr84al62x8mmwb", "com.docker.swarm.task.id": "y78cn4kg5yrtut16s569okh99", "com.docker.stack.namespace": "shop", "com.docker.swarm.task.name": "shop_web.1.y78cn4kg5yrtut16s569okh99", "com.docker.swarm.service.id": "7owts1h2z38w1ag2fgsl86ub8", "com.docker.swarm.service.name": "shop_web"}, "mounts": [{"rw": true, "mode": "", "name": "", "type": "bind", "driver": "", "source": "/srv/shop/config", "destination": "/srv/app/config", "propagation": "rprivate"}, {"rw": true, "mode": "z", "name": "shop_uploads", "type": "volume", "driver": "local", "source": "/var/lib/docker/volumes/shop_uploads/_data", "destination": "/srv/app/uploads", "propagation": ""}], "backend": "overlay2", "init_id": "8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5-init", "image_id": "sha256:2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112", "mount_id": "8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5", "diff_path": "/var/lib/docker/overlay2/8161a722f65f2f4d29948113eaeda1ae61e8d9c0fefcad03d9ac0ef9c6febef5/diff", "path_kind": "diff", "created_at": "2026-01-05T08:00:00.123456789Z", "started_at": "2026-01-05T08:00:01.5Z", "resolved_by": "layerdb", "parent_chain_id": "sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e"}', '{-5341734269758534466,-874944735673631801,1264835232914768907,1658907258464947845,5101079234332236974,6731930716470205536}', '{-8977262404300391142,-8822251459655732029,-8634885772234411070,-8404783428517858117,-7766473101852791372,-7384615865137549928,-6973652395314037191,-6876986595357741925,-6401644244997966076,-5558624274277812364,-5410018473416565398,-4410315300206966070,-3346820326626875041,-3117426743883818367,-3046822923657812625,-2361576845271500275,-1986885512563266497,-1850155618524066277,-1448983589546810721,-798805072527755577,-271219745441491587,2285029265662916791,3485499138084044499,3506344125042097774,3606621083791567640,3857298615790721072,3921312056277281083,4469043673271241571,5604641220720946341,6233438994597605409,6635133336306321472,7000838007176484685,7049004674709539737,7731438717102826246,7765309631202888585,8029055296169240583,8163023930817765508,8334050000174246460}');
INSERT INTO public.history_2026_11 VALUES (2, 'container', '4577ed7b-e620-31e4-848d-e856200dddc8', '/var/lib/docker', '1afd35ff611bc4b00fdba5ad030f8c91e051697f8551234edb3fcfd702d2327f', '\x739b776422da582782220a59772bea2acc0e84c26c4993934442202911bba1bd', NULL, '2026-11-24 18:49:09.262074+00', '2026-11-24 18:49:13.860706+00', '2026-11-24 18:49:15.963363+00', 'removed', 'import-2026-01', '09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb', '{"name": "import-2026-01", "image": "shop/tools:1.0", "paths": [["/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "writable", ["."]], ["/var/lib/docker/image/aufs/layerdb/mounts/1afd35ff611bc4b00fdba5ad030f8c91e051697f8551234edb3fcfd702d2327f", "metadata", []], ["/var/lib/docker/aufs/layers/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "metadata", []], ["/var/lib/docker/aufs/mnt/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "mount", ["."]], ["/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "init", ["."]], ["/var/lib/docker/aufs/layers/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "metadata", []], ["/var/lib/docker/aufs/mnt/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "mount", ["."]], ["/var/lib/docker/containers/1afd35ff611bc4b00fdba5ad030f8c91e051697f8551234edb3fcfd702d2327f", "container-dir", []]], "state": "exited", "backend": "aufs", "init_id": "09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb-init", "image_id": "sha256:894dfb757e307968833d0f9e983ba684be0f9187b64d616c9a1669272cca8db6", "mount_id": "09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "diff_path": "/var/lib/docker/aufs/diff/09c0f02b2dd3dfa8ff9909f007719da457b829c91d0c7b9aabe39caae1263ccb", "exit_code": 137, "path_kind": "diff", "created_at": "2026-01-05T08:00:00.123456789Z", "started_at": "2026-01-05T08:00:01.5Z", "finished_at": "2026-01-05T09:30:00.25Z", "resolved_by": "layerdb", "parent_chain_id": "sha256:6e8f691afe7788c394cf459cad5a0214f973f9e9b078e37f83bbb7b5342ae399"}', '{-7699657600736134879,-203984567580990218,16420865230948353,307637639460440039,972723252951994455,1433914121963322328,2788558562318718605,8872846331098110613}', '{-7663953055848129804,-7371165553955566390,-3299454416962254729,-2160515489507817138,-1972672937102010257,-705315958239706126,2714239647734977557,3133535719099774624,6663281081419197694,6695304973321266060,9066317309126301488,9095825734592508067}');
INSERT INTO public.history_2026_11 VALUES (1, 'bind', 'e007c951-83fe-8a76-a7e6-c2d945c16969', '/var/lib/docker', '/srv/shop/config', '\x42bede08bc2cd8969b7d319021b27fdc1d27712ee5cb7452351bf3ccef26a67f', NULL, '2026-11-24 18:49:09.18544+00', '2026-11-24 18:49:14.949846+00', '2026-11-24 18:49:16.982547+00', 'removed', NULL, NULL, '{"paths": [["/srv/shop/config", "source", ["."]]]}', '{-2131757893182308273}', '{-8822251459655732029,-7149440191275330034}');
INSERT INTO public.history_2026_11 VALUES (1, 'container', '2035d03f-8100-6807-8cb8-3b50051cae9a', '/var/lib/docker', '69574d9873c21f84b36dab2ef2a0fc48f51be3475c2dbc68bc3f3f0f01a314c4', '\x5d9cf36b76fbe32009afd4565e3e4de5cfdd1213ae79c3a90cf1b5906aded171', NULL, '2026-11-24 18:49:09.18544+00', '2026-11-24 18:49:14.949846+00', '2026-11-24 18:49:16.982547+00', 'removed', 'shop_web.3.itzbr3spgnn2iilljmazdturh', 'eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020', '{"name": "shop_web.3.itzbr3spgnn2iilljmazdturh", "image": "shop/web:2.4", "paths": [["/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020", "writable", ["."]], ["/var/lib/docker/image/vfs/layerdb/mounts/69574d9873c21f84b36dab2ef2a0fc48f51be3475c2dbc68bc3f3f0f01a314c4", "metadata", []], ["/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020-init", "init", ["."]], ["/var/lib/docker/containers/69574d9873c21f84b36dab2ef2a0fc48f51be3475c2dbc68bc3f3f0f01a314c4", "container-dir", []]], "state": "running", "labels": {"com.docker.swarm.task": "", "com.docker.swarm.node.id": "en9uxs7lqm5jg4mzscvh0nike", "com.docker.swarm.task.id": "itzbr3spgnn2iilljmazdturh", "com.docker.stack.namespace": "shop", "com.docker.swarm.task.name": "shop_web.3.itzbr3spgnn2iilljmazdturh", "com.docker.swarm.service.id": "7owts1h2z38w1ag2fgsl86ub8", "com.docker.swarm.service.name": "shop_web"}, "mounts": [{"rw": true, "mode": "", "name": "", "type": "bind", "driver": "", "source": "/srv/shop/config", "destination": "/srv/app/config", "propagation": "rprivate"}, {"rw": true, "mode": "z", "name": "shop_uploads", "type": "volume", "driver": "local", "source": "/var/lib/docker/volumes/shop_uploads/_data", "destination": "/srv/app/uploads", "propagation": ""}], "backend": "vfs", "init_id": "eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020-init", "image_id": "sha256:2e1f020dcc997d3f27fabe8b31f09ea0252b14430ae08156dd8bc9c708de5112", "mount_id": "eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020", "diff_path": "/var/lib/docker/vfs/dir/eb89c3e966cd211b8388ea7396918525b02135282e1ae9cb9109aa97f90a4020", "path_kind": "full-view", "created_at": "2026-01-05T08:00:00.123456789Z", "started_at": "2026-01-05T08:00:01.5Z", "resolved_by": "layerdb", "parent_chain_id": "sha256:b68ca717e95b4372ce4234aa4dfef188a7b1558301a8d1aedd2ab6e7220c270e"}', '{-3622247373797954551,-3398933987225969462,5856806870021780009,8761324446418011661}', '{-8977262404300391142,-8822251459655732029,-7766473101852791372,-7647866541645234671,-7384615865137549928,-6973652395314037191,-6876986595357741925,-6328715256716863070,-5267113021104562460,-4098565930966024976,-3969905009119884019,-3117426743883818367,-3055134071394072489,-2361576845271500275,-1986885512563266497,-1850155618524066277,414663604555546304,760200265467211375,1810377320769166883,2199908314002355005,2244598435854831554,2285029265662916791,2499160960241064882,3420319352317854243,3485499138084044499,3506344125042097774,3606621083791567640,3857298615790721072,4469043673271241571,6233438994597605409,6813857398840904810,7000838007176484685,7049004674709539737,7731438717102826246,8029055296169240583,8334050000174246460}');


--
-- Data for Name: history_2026_12; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: history_2027_01; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: history_2027_02; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: node_heartbeats; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.node_heartbeats VALUES (1, '1-39d8b03ccb15bbee', 3, '\x1088e739fdfeb3d41d6987066cb8bdfdc34d19602167c54f918484057d69681b', '2026-11-24 18:50:30.47579+00', '2026-11-24 18:50:28.959563+00', '2026-11-24 18:50:29.17168+00', 1795546229.473, -0.002679586410522461, 0);
INSERT INTO public.node_heartbeats VALUES (2, '1-09170f38617ead4a', 3, '\xdc2853fa1ce0c3f9f563229fa7b110acac1b360b922e4ae50b9874741b2031c9', '2026-11-24 18:50:30.475875+00', '2026-11-24 18:50:28.959665+00', '2026-11-24 18:50:24.206037+00', 1795546229.47, -0.004318714141845703, 0);
INSERT INTO public.node_heartbeats VALUES (3, '1-db4b7d34f09ea83f', 2, '\xbe920ee31068939391241194e69bbdf4dbae77595da6eb13ff424e6efd43a7ff', '2026-11-24 18:50:30.475887+00', '2026-11-24 18:50:28.959679+00', '2026-11-24 18:50:28.741816+00', 1795546229.469, -0.005816221237182617, 0);


--
-- Data for Name: nodes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.nodes OVERRIDING SYSTEM VALUE VALUES (1, 'faults', 'en9uxs7lqm5jg4mzscvh0nike', 'sample-3', 'eb74529a-f34a-86c7-83d6-ffe449f812d8', '{"arch": "x86_64", "kernel": "6.18.44-fc-v782", "hostname": "sample-3", "readable": true, "data_root": "/var/lib/docker", "engine_id": "eb74529a-f34a-86c7-83d6-ffe449f812d8"}', '[{"name": "vfs", "root": "/var/lib/docker", "type": "graph-driver", "current": false, "directories": ["/var/lib/docker/vfs", "/var/lib/docker/vfs/dir"]}]', '[]', '0.1.0', '0bf135663be75cff376b961217d47b02', 0, '4d432681-2a31-47c2-ba40-c451446cdf3e', '{}', '1-39d8b03ccb15bbee', 1, 3, '\x1088e739fdfeb3d41d6987066cb8bdfdc34d19602167c54f918484057d69681b', '\x6b46a7d64e0e8b7dde68895f7e8c9b7016651ac5b21bade74f24fb97e93e4304', '\x7b22736571223a332c2273746174655f68617368223a2231303838653733396664666562336434316436393837303636636238626466646333346431393630323136376335346639313834383430353764363936383162222c227365727665725f74696d65223a313739353534363135372e3036343632392c2272656675736564223a5b5d2c226b657074223a5b5d7d', '2026-11-24 18:49:17.064629+00', '2026-11-24 18:49:17.058845+00', '2026-11-24 18:49:09.18544+00', '{"bind": "2026-11-24T18:49:08.266440+00:00", "image": "2026-11-24T18:49:08.266440+00:00", "layer": "2026-11-24T18:49:08.266440+00:00", "volume": "2026-11-24T18:49:08.266440+00:00", "container": "2026-11-24T18:49:08.266440+00:00"}', '{bind,container,image,layer,volume}', NULL, NULL, NULL);
INSERT INTO public.nodes OVERRIDING SYSTEM VALUE VALUES (2, 'faults', 'k7vez146f5jbslqu1omz4lhtt', 'sample-2', 'ebe598c7-a4d5-571c-7773-a1c4ea773da2', '{"arch": "x86_64", "kernel": "6.18.44-fc-v782", "hostname": "sample-2", "readable": true, "data_root": "/var/lib/docker", "engine_id": "ebe598c7-a4d5-571c-7773-a1c4ea773da2"}', '[{"name": "aufs", "root": "/var/lib/docker", "type": "graph-driver", "current": false, "directories": ["/var/lib/docker/aufs", "/var/lib/docker/aufs/diff", "/var/lib/docker/aufs/layers", "/var/lib/docker/aufs/mnt"]}]', '[]', '0.1.0', '43e54ad58725000fe4778736108009e9', 0, '4d432681-2a31-47c2-ba40-c451446cdf3e', '{}', '1-09170f38617ead4a', 1, 3, '\xdc2853fa1ce0c3f9f563229fa7b110acac1b360b922e4ae50b9874741b2031c9', '\xdcb541dd53a706df069d8f2b7184e2e8b16f1a4f38798e68da49c9865d74a6ec', '\x7b22736571223a332c2273746174655f68617368223a2264633238353366613163653063336639663536333232396661376231313061636163316233363062393232653461653530623938373437343162323033316339222c227365727665725f74696d65223a313739353534363135362e3139313836332c2272656675736564223a5b5d2c226b657074223a5b5d7d', '2026-11-24 18:49:16.191863+00', '2026-11-24 18:49:16.186863+00', '2026-11-24 18:49:09.262074+00', '{"bind": "2026-11-24T18:49:08.942074+00:00", "image": "2026-11-24T18:49:08.942074+00:00", "layer": "2026-11-24T18:49:08.942074+00:00", "volume": "2026-11-24T18:49:08.942074+00:00", "container": "2026-11-24T18:49:08.942074+00:00"}', '{bind,container,image,layer,volume}', NULL, NULL, NULL);
INSERT INTO public.nodes OVERRIDING SYSTEM VALUE VALUES (3, 'faults', '7ta6pqr4crqfr84al62x8mmwb', 'sample-1', 'a68fd278-a45c-a633-8f54-59465654503e', '{"arch": "x86_64", "kernel": "6.18.44-fc-v782", "hostname": "sample-1", "readable": true, "data_root": "/var/lib/docker", "engine_id": "a68fd278-a45c-a633-8f54-59465654503e"}', '[{"name": "overlay2", "root": "/var/lib/docker", "type": "graph-driver", "current": false, "directories": ["/var/lib/docker/overlay2", "/var/lib/docker/overlay2/l"]}]', '[]', '0.1.0', '5989e70dacde584c72c2480afb93f19f', 0, '4d432681-2a31-47c2-ba40-c451446cdf3e', '{}', '1-db4b7d34f09ea83f', 1, 2, '\xbe920ee31068939391241194e69bbdf4dbae77595da6eb13ff424e6efd43a7ff', '\x0fa9b7db1171a0f21a3429accdb015588db5a152985d549935bc2c46f9e15b8d', '\x7b22736571223a322c2273746174655f68617368223a2262653932306565333130363839333933393132343131393465363962626466346462616537373539356461366562313366663432346536656664343361376666222c227365727665725f74696d65223a313739353534363135352e3736313535392c2272656675736564223a5b5d2c226b657074223a5b5d7d', '2026-11-24 18:49:15.761559+00', '2026-11-24 18:49:15.751559+00', '2026-11-24 18:49:09.409686+00', '{"bind": "2026-11-24T18:49:09.323686+00:00", "image": "2026-11-24T18:49:09.323686+00:00", "layer": "2026-11-24T18:49:09.323686+00:00", "volume": "2026-11-24T18:49:09.323686+00:00", "container": "2026-11-24T18:49:09.323686+00:00"}', '{bind,container,image,layer,volume}', NULL, NULL, NULL);


--
-- Data for Name: rooms; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.rooms VALUES (3, '/var/lib/docker', 65024, 270553174016, 77784748032, 16777216, 16025112, '2026-11-24 18:50:09.265669+00');


--
-- Data for Name: roster_nodes; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: rosters; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_current; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_current VALUES (3, 'container', '483208d7-978a-105b-e5f8-1a9bec3f9ce5', 'container-dir', 20480, 5, false, '2026-11-24 18:49:09.369669+00', '2026-11-24 18:49:09.369669+00');
INSERT INTO public.usage_current VALUES (3, 'container', '483208d7-978a-105b-e5f8-1a9bec3f9ce5', 'init', 8192, 4, false, '2026-11-24 18:49:09.369669+00', '2026-11-24 18:49:09.369669+00');
INSERT INTO public.usage_current VALUES (3, 'container', '483208d7-978a-105b-e5f8-1a9bec3f9ce5', 'writable', 16384, 4, false, '2026-11-24 18:49:09.369669+00', '2026-11-24 18:49:09.369669+00');
INSERT INTO public.usage_current VALUES (3, 'layer', '352c1973-5953-bf00-0730-9a067b843021', 'layer', 32768, 8, false, '2026-11-24 18:49:15.753669+00', '2026-11-24 18:49:15.753669+00');
INSERT INTO public.usage_current VALUES (3, 'layer', '4ca2ccae-1390-c7bb-3ba5-11090676cf16', 'layer', 8192, 4, false, '2026-11-24 18:49:15.792669+00', '2026-11-24 18:49:15.792669+00');
INSERT INTO public.usage_current VALUES (3, 'layer', 'ac4653c5-d615-2963-75a4-d27785a121b9', 'layer', 36864, 7, false, '2026-11-24 18:49:09.442669+00', '2026-11-24 18:49:09.442669+00');
INSERT INTO public.usage_current VALUES (3, 'layer', 'ac53fce9-a8d5-754d-8dc0-87eba63a8a49', 'layer', 24576, 4, false, '2026-11-24 18:49:09.462669+00', '2026-11-24 18:49:09.462669+00');
INSERT INTO public.usage_current VALUES (3, 'layer', 'f93a9427-244f-eb4b-cb97-82ba2ebc83b5', 'layer', 24576, 6, false, '2026-11-24 18:49:09.406669+00', '2026-11-24 18:49:09.406669+00');
INSERT INTO public.usage_current VALUES (3, 'layer', 'fa8fd3a5-4e43-fbba-69d5-ef00a64cd946', 'layer', 24576, 6, false, '2026-11-24 18:49:09.421669+00', '2026-11-24 18:49:09.421669+00');
INSERT INTO public.usage_current VALUES (3, 'volume', '445a20fa-29a0-d4e8-6c77-7b098097441a', 'volume', 16384, 4, false, '2026-11-24 18:49:09.498669+00', '2026-11-24 18:49:09.498669+00');
INSERT INTO public.usage_current VALUES (3, 'volume', 'a33df88a-9103-2af5-f71b-88ba5f4f4007', 'volume', 24576, 5, false, '2026-11-24 18:49:09.480669+00', '2026-11-24 18:49:09.480669+00');


--
-- Data for Name: usage_samples; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Name: gaps_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.gaps_id_seq', 155, true);


--
-- Name: nodes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.nodes_id_seq', 3, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: credentials credentials_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (token_hash);


--
-- Name: enrolments enrolments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.enrolments
    ADD CONSTRAINT enrolments_pkey PRIMARY KEY (token_hash);


--
-- Name: entries entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (node_id, kind, entry_id);


--
-- Name: gaps gaps_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gaps
    ADD CONSTRAINT gaps_pkey PRIMARY KEY (id);


--
-- Name: history history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before);


--
-- Name: history_2026_10 history_2026_10_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history_2026_10
    ADD CONSTRAINT history_2026_10_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before);


--
-- Name: history_2026_11 history_2026_11_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history_2026_11
    ADD CONSTRAINT history_2026_11_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before);


--
-- Name: history_2026_12 history_2026_12_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history_2026_12
    ADD CONSTRAINT history_2026_12_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before);


--
-- Name: history_2027_01 history_2027_01_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history_2027_01
    ADD CONSTRAINT history_2027_01_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before);


--
-- Name: history_2027_02 history_2027_02_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history_2027_02
    ADD CONSTRAINT history_2027_02_pkey PRIMARY KEY (node_id, kind, entry_id, ended_before);


--
-- Name: node_heartbeats node_heartbeats_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.node_heartbeats
    ADD CONSTRAINT node_heartbeats_pkey PRIMARY KEY (node_id);


--
-- Name: nodes nodes_cluster_node_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT nodes_cluster_node_key UNIQUE (cluster, node);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (id);


--
-- Name: rooms rooms_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (node_id, path);


--
-- Name: roster_nodes roster_nodes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.roster_nodes
    ADD CONSTRAINT roster_nodes_pkey PRIMARY KEY (cluster, node);


--
-- Name: rosters rosters_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rosters
    ADD CONSTRAINT rosters_pkey PRIMARY KEY (cluster);


--
-- Name: usage_current usage_current_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_current
    ADD CONSTRAINT usage_current_pkey PRIMARY KEY (node_id, kind, entry_id, part);


--
-- Name: usage_samples usage_samples_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_samples
    ADD CONSTRAINT usage_samples_pkey PRIMARY KEY (node_id, kind, entry_id, part, hour);


--
-- Name: entries_bind_paths; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX entries_bind_paths ON public.entries USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: entries_container_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX entries_container_key ON public.entries USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: entries_container_mount_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX entries_container_mount_id ON public.entries USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: entries_container_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX entries_container_name ON public.entries USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: entries_paths; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX entries_paths ON public.entries USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: entries_refs; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX entries_refs ON public.entries USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: gaps_node_id_before; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX gaps_node_id_before ON public.gaps USING btree (node_id, before);


--
-- Name: history_container_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_container_key ON ONLY public.history USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_10_key_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_10_key_node_id_idx ON public.history_2026_10 USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_container_mount_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_container_mount_id ON ONLY public.history USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_10_mount_id_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_10_mount_id_node_id_idx ON public.history_2026_10 USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_container_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_container_name ON ONLY public.history USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_10_name_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_10_name_node_id_idx ON public.history_2026_10 USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_bind_paths; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_bind_paths ON ONLY public.history USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: history_2026_10_path_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_10_path_keys_idx ON public.history_2026_10 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: history_paths; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_paths ON ONLY public.history USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: history_2026_10_path_keys_idx1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_10_path_keys_idx1 ON public.history_2026_10 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: history_refs; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_refs ON ONLY public.history USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: history_2026_10_ref_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_10_ref_keys_idx ON public.history_2026_10 USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: history_2026_11_key_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_11_key_node_id_idx ON public.history_2026_11 USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_11_mount_id_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_11_mount_id_node_id_idx ON public.history_2026_11 USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_11_name_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_11_name_node_id_idx ON public.history_2026_11 USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_11_path_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_11_path_keys_idx ON public.history_2026_11 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: history_2026_11_path_keys_idx1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_11_path_keys_idx1 ON public.history_2026_11 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: history_2026_11_ref_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_11_ref_keys_idx ON public.history_2026_11 USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: history_2026_12_key_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_12_key_node_id_idx ON public.history_2026_12 USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_12_mount_id_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_12_mount_id_node_id_idx ON public.history_2026_12 USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_12_name_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_12_name_node_id_idx ON public.history_2026_12 USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2026_12_path_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_12_path_keys_idx ON public.history_2026_12 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: history_2026_12_path_keys_idx1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_12_path_keys_idx1 ON public.history_2026_12 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: history_2026_12_ref_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2026_12_ref_keys_idx ON public.history_2026_12 USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: history_2027_01_key_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_01_key_node_id_idx ON public.history_2027_01 USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2027_01_mount_id_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_01_mount_id_node_id_idx ON public.history_2027_01 USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2027_01_name_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_01_name_node_id_idx ON public.history_2027_01 USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2027_01_path_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_01_path_keys_idx ON public.history_2027_01 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: history_2027_01_path_keys_idx1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_01_path_keys_idx1 ON public.history_2027_01 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: history_2027_01_ref_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_01_ref_keys_idx ON public.history_2027_01 USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: history_2027_02_key_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_02_key_node_id_idx ON public.history_2027_02 USING btree (key, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2027_02_mount_id_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_02_mount_id_node_id_idx ON public.history_2027_02 USING btree (mount_id, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2027_02_name_node_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_02_name_node_id_idx ON public.history_2027_02 USING btree (name, node_id) WHERE (kind = 'container'::text);


--
-- Name: history_2027_02_path_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_02_path_keys_idx ON public.history_2027_02 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind = 'bind'::text);


--
-- Name: history_2027_02_path_keys_idx1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_02_path_keys_idx1 ON public.history_2027_02 USING gin (path_keys) WITH (fastupdate=off) WHERE (kind <> 'bind'::text);


--
-- Name: history_2027_02_ref_keys_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX history_2027_02_ref_keys_idx ON public.history_2027_02 USING gin (ref_keys) WITH (fastupdate=off);


--
-- Name: nodes_engine_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX nodes_engine_id ON public.nodes USING btree (cluster, engine_id) WHERE (engine_id <> ''::text);


--
-- Name: usage_samples_hour; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_samples_hour ON public.usage_samples USING brin (hour);


--
-- Name: history_2026_10_key_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_key ATTACH PARTITION public.history_2026_10_key_node_id_idx;


--
-- Name: history_2026_10_mount_id_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_mount_id ATTACH PARTITION public.history_2026_10_mount_id_node_id_idx;


--
-- Name: history_2026_10_name_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_name ATTACH PARTITION public.history_2026_10_name_node_id_idx;


--
-- Name: history_2026_10_path_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_bind_paths ATTACH PARTITION public.history_2026_10_path_keys_idx;


--
-- Name: history_2026_10_path_keys_idx1; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_paths ATTACH PARTITION public.history_2026_10_path_keys_idx1;


--
-- Name: history_2026_10_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_pkey ATTACH PARTITION public.history_2026_10_pkey;


--
-- Name: history_2026_10_ref_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_refs ATTACH PARTITION public.history_2026_10_ref_keys_idx;


--
-- Name: history_2026_11_key_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_key ATTACH PARTITION public.history_2026_11_key_node_id_idx;


--
-- Name: history_2026_11_mount_id_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_mount_id ATTACH PARTITION public.history_2026_11_mount_id_node_id_idx;


--
-- Name: history_2026_11_name_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_name ATTACH PARTITION public.history_2026_11_name_node_id_idx;


--
-- Name: history_2026_11_path_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_bind_paths ATTACH PARTITION public.history_2026_11_path_keys_idx;


--
-- Name: history_2026_11_path_keys_idx1; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_paths ATTACH PARTITION public.history_2026_11_path_keys_idx1;


--
-- Name: history_2026_11_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_pkey ATTACH PARTITION public.history_2026_11_pkey;


--
-- Name: history_2026_11_ref_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_refs ATTACH PARTITION public.history_2026_11_ref_keys_idx;


--
-- Name: history_2026_12_key_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_key ATTACH PARTITION public.history_2026_12_key_node_id_idx;


--
-- Name: history_2026_12_mount_id_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_mount_id ATTACH PARTITION public.history_2026_12_mount_id_node_id_idx;


--
-- Name: history_2026_12_name_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_name ATTACH PARTITION public.history_2026_12_name_node_id_idx;


--
-- Name: history_2026_12_path_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_bind_paths ATTACH PARTITION public.history_2026_12_path_keys_idx;


--
-- Name: history_2026_12_path_keys_idx1; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_paths ATTACH PARTITION public.history_2026_12_path_keys_idx1;


--
-- Name: history_2026_12_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_pkey ATTACH PARTITION public.history_2026_12_pkey;


--
-- Name: history_2026_12_ref_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_refs ATTACH PARTITION public.history_2026_12_ref_keys_idx;


--
-- Name: history_2027_01_key_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_key ATTACH PARTITION public.history_2027_01_key_node_id_idx;


--
-- Name: history_2027_01_mount_id_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_mount_id ATTACH PARTITION public.history_2027_01_mount_id_node_id_idx;


--
-- Name: history_2027_01_name_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_name ATTACH PARTITION public.history_2027_01_name_node_id_idx;


--
-- Name: history_2027_01_path_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_bind_paths ATTACH PARTITION public.history_2027_01_path_keys_idx;


--
-- Name: history_2027_01_path_keys_idx1; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_paths ATTACH PARTITION public.history_2027_01_path_keys_idx1;


--
-- Name: history_2027_01_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_pkey ATTACH PARTITION public.history_2027_01_pkey;


--
-- Name: history_2027_01_ref_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_refs ATTACH PARTITION public.history_2027_01_ref_keys_idx;


--
-- Name: history_2027_02_key_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_key ATTACH PARTITION public.history_2027_02_key_node_id_idx;


--
-- Name: history_2027_02_mount_id_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_mount_id ATTACH PARTITION public.history_2027_02_mount_id_node_id_idx;


--
-- Name: history_2027_02_name_node_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_container_name ATTACH PARTITION public.history_2027_02_name_node_id_idx;


--
-- Name: history_2027_02_path_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_bind_paths ATTACH PARTITION public.history_2027_02_path_keys_idx;


--
-- Name: history_2027_02_path_keys_idx1; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_paths ATTACH PARTITION public.history_2027_02_path_keys_idx1;


--
-- Name: history_2027_02_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_pkey ATTACH PARTITION public.history_2027_02_pkey;


--
-- Name: history_2027_02_ref_keys_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.history_refs ATTACH PARTITION public.history_2027_02_ref_keys_idx;


--
-- PostgreSQL database dump complete
--


