-- Fifteen questions to the rows of `secgate replay --against --rows`, in SQL that DuckDB and Spark both take. DAYS(a, b) is what
-- each engine calls the days between two dates; `blocker` is the view of findings that a rule which failed counted.
-- 1 Share of runs that A stops, by month
SELECT substring(ran_at, 1, 7) AS month, count(*) AS runs, count(*) FILTER (WHERE verdict = 'fail') AS failed FROM run WHERE policy_label = 'A' GROUP BY 1;
-- 2 Blocked runs and projects by team
SELECT team, count(*) FILTER (WHERE verdict = 'fail') AS blocked, count(DISTINCT CASE WHEN verdict = 'fail' THEN project END) AS projects FROM run WHERE policy_label = 'A' GROUP BY 1;
-- 3 Runs that each rule stops, by month
SELECT x.rule, substring(r.ran_at, 1, 7) AS month, count(*) AS stopped FROM run_rule x JOIN run r USING (id, policy_label) WHERE policy_label = 'A' AND x.outcome = 'fail' AND NOT x.blind GROUP BY 1, 2;
-- 4 Runs that one rule stops alone
SELECT rule, count(*) AS alone FROM (SELECT id, min(rule) AS rule FROM run_rule WHERE policy_label = 'A' AND outcome IN ('fail', 'review', 'error') AND NOT blind GROUP BY id HAVING count(*) = 1) AS one GROUP BY 1;
-- 5 Verdicts that differ between A and B
SELECT a.verdict AS verdict_a, b.verdict AS verdict_b, count(*) AS runs FROM run a JOIN run b ON a.id = b.id AND a.policy_label = 'A' AND b.policy_label = 'B' WHERE a.verdict <> b.verdict GROUP BY 1, 2;
-- 6 Findings that only one of the two counts, by rule
SELECT x.rule, x.policy_label, count(DISTINCT concat(x.id, x.fingerprint)) AS findings FROM run_finding x WHERE x.rule IS NOT NULL AND NOT EXISTS (SELECT 1 FROM run_finding y WHERE y.id = x.id AND y.rule = x.rule AND y.fingerprint = x.fingerprint AND y.policy_label <> x.policy_label) GROUP BY 1, 2;
-- 7 Advisories that block most runs
SELECT advisory, package, count(DISTINCT id) AS runs FROM blocker WHERE policy_label = 'A' AND advisory IS NOT NULL GROUP BY 1, 2;
-- 8 Runs that dependency-delta blocks, and those in which each blocker has a fix
SELECT count(*) AS runs, count(*) FILTER (WHERE fixable = 1) AS all_fixable FROM (SELECT id, min(CASE WHEN fix = 'available' THEN 1 ELSE 0 END) AS fixable FROM blocker WHERE policy_label = 'A' AND rule = 'dependency-delta' GROUP BY id) AS one;
-- 9 Blockers of a merge request, and those that an earlier one of the project had
SELECT count(*) AS blockers, count(*) FILTER (WHERE merge_request <> first_request) AS old FROM (SELECT project, fingerprint, merge_request, min(merge_request) OVER (PARTITION BY project, fingerprint) AS first_request FROM (SELECT DISTINCT project, fingerprint, merge_request FROM blocker WHERE policy_label = 'A') AS b) AS c;
-- 10 Days between the first and the last run that a blocker stops, by rule
SELECT rule, count(*) AS blockers, sum(days) AS days FROM (SELECT rule, project, fingerprint, DAYS(min(day), max(day)) AS days FROM blocker WHERE policy_label = 'A' GROUP BY 1, 2, 3) AS one GROUP BY 1;
-- 11 Verdicts that change without a commit
SELECT before, verdict, count(*) AS flips FROM (SELECT verdict, lag(verdict) OVER (PARTITION BY project, commit_sha ORDER BY pipeline) AS before FROM run WHERE policy_label = 'A') AS one WHERE before <> verdict GROUP BY 1, 2;
-- 12 Evidence that stops runs, by entry and state
SELECT entry, status, count(*) AS runs FROM run_evidence WHERE policy_label = 'A' AND outcome IN ('fail', 'review', 'error') GROUP BY 1, 2;
-- 13 Rules that fail together
SELECT a.rule AS one, b.rule AS other, count(*) AS runs FROM run_rule a JOIN run_rule b ON a.id = b.id AND a.policy_label = 'A' AND b.policy_label = 'A' AND a.rule < b.rule WHERE a.outcome = 'fail' AND NOT a.blind AND b.outcome = 'fail' AND NOT b.blind GROUP BY 1, 2;
-- 14 Advisories of a project whose severity was scored anew
SELECT count(*) AS pairs FROM (SELECT r.project, f.advisory, f.package FROM run_finding f JOIN run r USING (id, policy_label) WHERE policy_label = 'A' AND f.advisory IS NOT NULL GROUP BY 1, 2, 3 HAVING count(DISTINCT f.severity) > 1) AS one;
-- 15 Upgrades of one package that let a run through
SELECT package, count(*) AS runs FROM (SELECT id, min(package) AS package FROM blocker WHERE policy_label = 'A' GROUP BY id HAVING count(DISTINCT coalesce(package, fingerprint)) = 1 AND min(CASE WHEN fix = 'available' THEN 1 ELSE 0 END) = 1 AND min(package) IS NOT NULL) AS one GROUP BY 1;
