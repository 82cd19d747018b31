BEGIN TRANSACTION;
CREATE TABLE asked (
	run_id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (run_id, host), 
	FOREIGN KEY(run_id, host) REFERENCES run_hosts (run_id, host)
);
CREATE TABLE assessments (
	id INTEGER NOT NULL, 
	run_id INTEGER, 
	host TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	document BLOB NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "assessments" VALUES(1,1,'web1',1000.5,X'789C2D8C410AC3201000BF12F65CA18690436FA5ED0B0AB9941C165DA86034B81A28E2DFB3A139CE304C05134BC80CB7AE029329C9E59F806E970E12794226C150BC1751568B998EF85301EDE63826F76778BEEF4A2B0DB37498CC5724E062C7014498EDAC1ED34BF5D77E3CC380CBB187B85260F6D0E6B6031DDA2BF4');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	run_id INTEGER, 
	host TEXT, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	text TEXT NOT NULL, 
	detail TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "events" VALUES(1,1,NULL,1000.0,'ann','opened','','{"change_id": "CHG-1", "hosts": 2, "job_id": "7"}');
INSERT INTO "events" VALUES(2,1,'web1',1001.0,'','host_state','','{"is": "draining", "was": "waiting"}');
INSERT INTO "events" VALUES(3,1,'web1',1003.0,'','host_state','test','{"is": "failed", "was": "draining"}');
INSERT INTO "events" VALUES(4,1,'web2',1004.0,'','host_state','the run ended before its turn','{"is": "not_started", "was": "waiting"}');
INSERT INTO "events" VALUES(5,1,NULL,1004.0,'','run_state','','{"is": "failed", "was": "running"}');
CREATE TABLE leases (
	run_id INTEGER NOT NULL, 
	until DOUBLE NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "leases" VALUES(1,8200.0);
CREATE TABLE logs (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	step TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	text BLOB NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id, host) REFERENCES run_hosts (run_id, host)
);
CREATE TABLE meta (
	"key" VARCHAR(50) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('product','fleetops.patchtrain');
INSERT INTO "meta" VALUES('version','5');
CREATE TABLE package_changes (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	name TEXT NOT NULL, 
	arch TEXT NOT NULL, 
	from_version TEXT, 
	to_version TEXT, 
	classification TEXT NOT NULL, 
	result TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id, host) REFERENCES run_hosts (run_id, host)
);
INSERT INTO "package_changes" VALUES(1,1,'web1',1002.0,'openssl','amd64','3.0.1','3.0.2','security','installed','');
CREATE TABLE package_references (
	change_id INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	PRIMARY KEY (change_id, reference), 
	FOREIGN KEY(change_id) REFERENCES package_changes (id)
);
INSERT INTO "package_references" VALUES(1,'CVE-2026-1');
INSERT INTO "package_references" VALUES(1,'DSA-1-1');
CREATE TABLE publications (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	host TEXT NOT NULL, 
	root TEXT NOT NULL, 
	url TEXT NOT NULL, 
	keys TEXT NOT NULL, 
	files_digest VARCHAR(64) NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	removed_at DOUBLE, 
	PRIMARY KEY (id)
);
CREATE TABLE releases (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	parent VARCHAR(64), 
	manifest BLOB NOT NULL, 
	provenance TEXT NOT NULL, 
	captured_at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	approved_at DOUBLE, 
	approver TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE run_hosts (
	run_id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	canary BOOLEAN NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	came_from VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	changed_at DOUBLE NOT NULL, 
	baseline BLOB, 
	"plan" BLOB, 
	PRIMARY KEY (run_id, host), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "run_hosts" VALUES(1,'web1',0,1,'failed','draining','test',1003.0,NULL,NULL);
INSERT INTO "run_hosts" VALUES(1,'web2',1,0,'not_started','waiting','the run ended before its turn',1004.0,NULL,NULL);
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	deployment TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	job_id TEXT NOT NULL, 
	change_id TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	started_at DOUBLE NOT NULL, 
	finished_at DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "runs" VALUES(1,'night-1','web','ann','7','CHG-1','{}','{"boot_id": "b", "host": "controller", "pid": 4242, "started": 1}','failed','',1000.0,1004.0);
CREATE TABLE slots (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	taken_at DOUBLE NOT NULL, 
	returned_at DOUBLE, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id, host) REFERENCES run_hosts (run_id, host)
);
CREATE TABLE stage_moves (
	id INTEGER NOT NULL, 
	stage VARCHAR(100) NOT NULL, 
	release_id INTEGER NOT NULL, 
	previous_id INTEGER, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	forced BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(release_id) REFERENCES releases (id), 
	FOREIGN KEY(previous_id) REFERENCES releases (id)
);
CREATE TABLE steps (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	step TEXT NOT NULL, 
	place TEXT NOT NULL, 
	undo TEXT, 
	started_at DOUBLE NOT NULL, 
	finished_at DOUBLE, 
	outcome VARCHAR(20) NOT NULL, 
	message TEXT NOT NULL, 
	detail TEXT, 
	undone_at DOUBLE, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id, host) REFERENCES run_hosts (run_id, host)
);
CREATE TABLE upstream_updates (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	at DOUBLE NOT NULL, 
	document BLOB NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_runs_started_at ON runs (started_at);
CREATE INDEX ix_run_hosts_state ON run_hosts (state);
CREATE INDEX assessments_of_host ON assessments (host, at);
CREATE INDEX ix_events_run_id ON events (run_id);
CREATE INDEX ix_events_at ON events (at);
CREATE INDEX steps_of_host ON steps (run_id, host);
CREATE INDEX slots_of_host ON slots (run_id, host);
CREATE UNIQUE INDEX slots_open ON slots (run_id, host) WHERE returned_at IS NULL;
CREATE INDEX logs_of_host ON logs (run_id, host);
CREATE INDEX ix_package_changes_name ON package_changes (name);
CREATE INDEX package_changes_of_host ON package_changes (run_id, host);
CREATE INDEX ix_package_references_reference ON package_references (reference);
CREATE INDEX ix_releases_digest ON releases (digest);
CREATE INDEX ix_publications_digest ON publications (digest);
CREATE INDEX ix_upstream_updates_digest ON upstream_updates (digest);
CREATE INDEX ix_stage_moves_stage ON stage_moves (stage);
CREATE INDEX run_hosts_by_state ON run_hosts (run_id, state);
COMMIT;
