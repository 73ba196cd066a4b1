-- A store of schema 1, as the Autograde of that time wrote it.
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	submission_id INTEGER NOT NULL, 
	grader_version VARCHAR(64) NOT NULL, 
	ordinal INTEGER NOT NULL, 
	profile VARCHAR(200) NOT NULL, 
	seed VARCHAR(40) NOT NULL, 
	verdict VARCHAR(40) NOT NULL, 
	score DOUBLE, 
	max_score DOUBLE NOT NULL, 
	report TEXT NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (submission_id, grader_version, ordinal), 
	FOREIGN KEY(submission_id) REFERENCES submissions (id)
);
INSERT INTO "attempts" VALUES(1,1,'v1',1,'cpu','9223372036854775813','partial',3.0,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"partial","score":3.0,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"partial","score":3.0,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.3,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"9189b9212ac118f9b94500c1c8c6b7a843b7fa29bda28758c3502ec5d55bb4e8","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(2,1,'v1',2,'cpu','9223372036854775813','partial',6.0,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"partial","score":6.0,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"partial","score":6.0,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.6,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"9189b9212ac118f9b94500c1c8c6b7a843b7fa29bda28758c3502ec5d55bb4e8","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(3,1,'v2',1,'cpu','9223372036854775813','partial',7.5,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"partial","score":7.5,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"partial","score":7.5,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.75,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v2","submission_digest":"9189b9212ac118f9b94500c1c8c6b7a843b7fa29bda28758c3502ec5d55bb4e8","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(4,2,'v1',1,'cpu','9223372036854775813','system_error',NULL,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"system_error","score":null,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"system_error","score":null,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.5,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"d0192669ff69004bc79e24723f6d1f8546caea1692e272db3cab2844a81ad5df","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(5,2,'v1',2,'cpu','9223372036854775813','partial',4.0,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"partial","score":4.0,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"partial","score":4.0,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.4,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"d0192669ff69004bc79e24723f6d1f8546caea1692e272db3cab2844a81ad5df","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(6,2,'v1',3,'cpu','9223372036854775813','system_error',NULL,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"system_error","score":null,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"system_error","score":null,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.5,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"d0192669ff69004bc79e24723f6d1f8546caea1692e272db3cab2844a81ad5df","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(7,3,'v1',1,'cpu','9223372036854775813','wrong_answer',0.0,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"wrong_answer","score":0.0,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"wrong_answer","score":0.0,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.0,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
INSERT INTO "attempts" VALUES(8,4,'v1',1,'cpu','9223372036854775813','grader_error',NULL,10.0,'{"schema_version":1,"assignment":"backprop","verdict":"grader_error","score":null,"max_score":10.0,"checks":[{"id":"test_a","title":"A","verdict":"grader_error","score":null,"max_score":10.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":"for staff"},{"id":"test_b","title":"B","verdict":"skipped","score":null,"max_score":0.0,"message":"","hint":"","output":"","visibility":"visible","seconds":0.0,"staff":""}],"metrics":{"acc":{"name":"acc","value":0.5,"direction":"higher"},"none":{"name":"none","value":null,"direction":"higher"}},"message":"","seed":9223372036854775813,"profile":"cpu","grader_version":"v1","submission_digest":"e1c9a8e4ea87a7cc8396a265b057daa3c096961f0d78034a440561ad2007346f","environment":{},"seconds":2.5,"timing":{}}','2026-12-01 13:59:57.500000','2026-12-01 14:00:00.000000');
CREATE TABLE checks (
	attempt_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	check_id VARCHAR(200) NOT NULL, 
	verdict VARCHAR(40) NOT NULL, 
	score DOUBLE, 
	max_score DOUBLE NOT NULL, 
	seconds DOUBLE NOT NULL, 
	PRIMARY KEY (attempt_id, position), 
	FOREIGN KEY(attempt_id) REFERENCES attempts (id)
);
INSERT INTO "checks" VALUES(1,0,'test_a','partial',3.0,10.0,0.0);
INSERT INTO "checks" VALUES(1,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(2,0,'test_a','partial',6.0,10.0,0.0);
INSERT INTO "checks" VALUES(2,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(3,0,'test_a','partial',7.5,10.0,0.0);
INSERT INTO "checks" VALUES(3,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(4,0,'test_a','system_error',NULL,10.0,0.0);
INSERT INTO "checks" VALUES(4,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(5,0,'test_a','partial',4.0,10.0,0.0);
INSERT INTO "checks" VALUES(5,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(6,0,'test_a','system_error',NULL,10.0,0.0);
INSERT INTO "checks" VALUES(6,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(7,0,'test_a','wrong_answer',0.0,10.0,0.0);
INSERT INTO "checks" VALUES(7,1,'test_b','skipped',NULL,0.0,0.0);
INSERT INTO "checks" VALUES(8,0,'test_a','grader_error',NULL,10.0,0.0);
INSERT INTO "checks" VALUES(8,1,'test_b','skipped',NULL,0.0,0.0);
CREATE TABLE files (
	submission_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (submission_id, path), 
	FOREIGN KEY(submission_id) REFERENCES submissions (id)
);
INSERT INTO "files" VALUES(1,'backprop.py','9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4',6);
INSERT INTO "files" VALUES(1,'sub/y.py','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',0);
INSERT INTO "files" VALUES(2,'backprop.py','4205c4809ab1b080fd32b6bf9640e5feaa6d1b69bf9fa684954ab710157ec141',6);
INSERT INTO "files" VALUES(4,'backprop.py','05e64e1d434831f3b400ce1f11c682a543dac28d622b601b785e7f0844b88503',6);
INSERT INTO "files" VALUES(5,'single.py','1bc01ef3687ccfe07da22018dfe7851781c442c8b4ec7bd718d0c1f145529ad1',6);
CREATE TABLE metrics (
	attempt_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	value DOUBLE, 
	direction VARCHAR(10) NOT NULL, 
	PRIMARY KEY (attempt_id, name), 
	FOREIGN KEY(attempt_id) REFERENCES attempts (id)
);
INSERT INTO "metrics" VALUES(1,'acc',0.3,'higher');
INSERT INTO "metrics" VALUES(1,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(2,'acc',0.6,'higher');
INSERT INTO "metrics" VALUES(2,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(3,'acc',0.75,'higher');
INSERT INTO "metrics" VALUES(3,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(4,'acc',0.5,'higher');
INSERT INTO "metrics" VALUES(4,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(5,'acc',0.4,'higher');
INSERT INTO "metrics" VALUES(5,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(6,'acc',0.5,'higher');
INSERT INTO "metrics" VALUES(6,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(7,'acc',0.0,'higher');
INSERT INTO "metrics" VALUES(7,'none',NULL,'higher');
INSERT INTO "metrics" VALUES(8,'acc',0.5,'higher');
INSERT INTO "metrics" VALUES(8,'none',NULL,'higher');
CREATE TABLE submissions (
	id INTEGER NOT NULL, 
	assignment VARCHAR(200) NOT NULL, 
	owner VARCHAR(200) NOT NULL, 
	received_at DATETIME NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	source TEXT NOT NULL, 
	problem TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (assignment, owner, received_at, digest)
);
INSERT INTO "submissions" VALUES(1,'backprop','ada','2026-12-01 12:00:00.000000','9189b9212ac118f9b94500c1c8c6b7a843b7fa29bda28758c3502ec5d55bb4e8','ada.zip',NULL);
INSERT INTO "submissions" VALUES(2,'backprop','grace','2026-12-01 13:00:00.123456','d0192669ff69004bc79e24723f6d1f8546caea1692e272db3cab2844a81ad5df','',NULL);
INSERT INTO "submissions" VALUES(3,'backprop','kurt','2026-12-01 12:00:00.000000','e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855','','it is no archive');
INSERT INTO "submissions" VALUES(4,'backprop','evelyn','2026-12-01 12:00:00.000000','e1c9a8e4ea87a7cc8396a265b057daa3c096961f0d78034a440561ad2007346f','',NULL);
INSERT INTO "submissions" VALUES(5,'single','ada','2026-12-01 12:00:00.000000','cdd088526b9c0ce04544703a373559c22ffa75c13d7a298bb04237410dfe224d','',NULL);
CREATE INDEX ix_submissions_assignment ON submissions (assignment);
CREATE INDEX ix_attempts_submission_id ON attempts (submission_id);
CREATE INDEX ix_checks_check_id ON checks (check_id);
COMMIT;
