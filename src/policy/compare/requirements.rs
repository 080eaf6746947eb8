//! Demands on images, SBOMs, provenance, approvals and earlier verdicts: none is taken back, and none asks for less.

use super::{PolicyComparison, listed};
use crate::finding::short_duration;
use crate::policy::{
    ApprovalsRule, IdentityGlob, ImageGlob, ImageRule, LicenseException, LicenseRule, LicenseTerms, PathGlob,
    ProvenanceRule, SbomFormat, SbomRule, Subject, VerdictsRule,
};

impl PolicyComparison<'_> {
    /// Two rules about the same kind of subject, which is neither findings nor a document.
    pub(super) fn compare_requirements(&mut self, id: &str, before: &Subject, after: &Subject) {
        match (before, after) {
            (Subject::Image(was), Subject::Image(is)) => self.image(id, was, is),
            (Subject::Sbom(was), Subject::Sbom(is)) => self.sbom(id, was, is),
            (Subject::Provenance(was), Subject::Provenance(is)) => self.provenance(id, was, is),
            (Subject::Approvals(was), Subject::Approvals(is)) => self.approvals(id, was, is),
            (Subject::Verdicts(was), Subject::Verdicts(is)) => self.verdicts(id, was, is),
            _ => self.add(&["rules", id], "what it looked at", "something else"),
        }
    }

    fn image(&mut self, id: &str, before: &ImageRule, after: &ImageRule) {
        let ImageRule {
            subjects,
            registry,
            digest,
            created_within,
            base,
            base_created_within,
            os_maintained,
        } = before;
        let at = |key: &'static str| ["rules", id, "image", key];
        let texts = |globs: &[ImageGlob]| globs.iter().map(|g| g.text().to_owned()).collect::<Vec<_>>();
        self.about(&at("subject"), subjects, &after.subjects);
        self.choice(&at("registry"), &texts(registry), &texts(&after.registry));
        self.keep_requirement(&at("digest"), *digest, after.digest);
        self.most(&at("created_within"), *created_within, after.created_within, short_duration);
        self.choice(&at("base"), &texts(base), &texts(&after.base));
        self.most(
            &at("base_created_within"),
            *base_created_within,
            after.base_created_within,
            short_duration,
        );
        self.keep_requirement(&at("os_end_of_life"), *os_maintained, after.os_maintained);
    }

    fn sbom(&mut self, id: &str, before: &SbomRule, after: &SbomRule) {
        let SbomRule { subjects, format, components_at_least, names_subject, licenses } = before;
        let at = |key: &'static str| ["rules", id, "sbom", key];
        let words = |formats: &[SbomFormat]| {
            formats.iter().map(|format| format.as_str().to_owned()).collect::<Vec<_>>()
        };
        self.about(&at("subject"), subjects, &after.subjects);
        self.choice(&at("format"), &words(format), &words(&after.format));
        self.least(&at("components_at_least"), *components_at_least, after.components_at_least);
        self.keep_requirement(&at("names_subject"), *names_subject, after.names_subject);
        let Some(LicenseRule { terms: LicenseTerms { allow, deny }, except, unknown }) = licenses else {
            return;
        };
        let Some(now) = &after.licenses else {
            return self.add(&at("licenses"), "demanded", "gone");
        };
        let at = |key: &'static str| ["rules", id, "sbom", "licenses", key];
        if !now.terms.deny.holds_all_of(deny) {
            self.add(&at("deny"), listed(&deny.names), listed(&now.terms.deny.names));
        }
        let others = LicenseTerms { deny: now.terms.deny.clone(), allow: allow.clone() };
        if !now.terms.is_within(&others) {
            self.add(&at("allow"), listed(&allow.names), listed(&now.terms.allow.names));
        }
        let known = |one: &LicenseException| {
            except.iter().any(|was| {
                let LicenseException { purl, license, reason: _, expires } = was; // the reason is for people
                purl.text() == one.purl.text()
                    && *expires >= one.expires
                    && (license.is_empty() || !one.license.is_empty() && license.holds_all_of(&one.license))
            })
        };
        for one in now.except.iter().filter(|one| !known(one)) {
            self.add(&at("except"), super::NOT_THERE, format!("{} until {}", one.purl.text(), one.expires));
        }
        match (unknown, now.unknown) {
            (Some(was), Some(is)) => self.action(&at("unknown"), *was, is),
            (was, is) if *was == is => {}
            // What the rule itself says, or not: which of them is more depends on another clause.
            (was, is) => {
                let word = |action: &Option<_>| action.map_or_else(|| "as the rule says", super::word);
                self.add(&at("unknown"), word(was), word(&is));
            }
        }
    }

    fn provenance(&mut self, id: &str, before: &ProvenanceRule, after: &ProvenanceRule) {
        let ProvenanceRule { subjects, signed_by, predicate, builder, source, r#ref, commit } = before;
        let at = |key: &'static str| ["rules", id, "provenance", key];
        let texts = |globs: &[PathGlob]| globs.iter().map(|g| g.text().to_owned()).collect::<Vec<_>>();
        let words = |list: &[_]| list.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>();
        self.about(&at("subject"), subjects, &after.subjects);
        self.choice(&at("signed_by"), signed_by, &after.signed_by);
        self.choice(&at("predicate"), &words(predicate), &words(&after.predicate));
        let globs = |globs: &[IdentityGlob]| globs.iter().map(|g| g.text().to_owned()).collect::<Vec<_>>();
        // What is certainly within a glob of before lets nobody in.
        let within = !after.builder.is_empty() && after.builder.iter().all(|glob| glob.is_within(builder));
        if !within {
            self.choice(&at("builder"), &globs(builder), &globs(&after.builder));
        }
        // Without it, provenance that names several sources proves nothing: to name one can let more through.
        let kept =
            !source.is_empty() && !after.source.is_empty() && after.source.iter().all(|s| source.contains(s));
        if !kept && source != &after.source {
            let shown = |list: &[String]| if list.is_empty() { "none".to_owned() } else { listed(list) };
            self.add(&at("source"), shown(source), shown(&after.source));
        }
        self.choice(&at("ref"), &texts(r#ref), &texts(&after.r#ref));
        self.keep_requirement(&at("commit"), *commit, after.commit);
    }

    fn approvals(&mut self, id: &str, before: &ApprovalsRule, after: &ApprovalsRule) {
        let ApprovalsRule { from: _, reviewers, max_age } = before; // compared as words
        // A source more can approve, and one less can no longer reject.
        let words = |ApprovalsRule { from, .. }: &ApprovalsRule| {
            let mut words: Vec<String> = from.iter().map(|source| super::word(*source).to_owned()).collect();
            words.sort_unstable();
            words
        };
        if words(before) != words(after) {
            let shown = |rule| listed(&words(rule));
            self.add(&["rules", id, "approvals", "from"], shown(before), shown(after));
        }
        self.reviewers(&["rules", id, "approvals"], Some(reviewers), Some(&after.reviewers));
        self.most(&["rules", id, "approvals", "max_age"], *max_age, after.max_age, short_duration);
    }

    fn verdicts(&mut self, id: &str, before: &VerdictsRule, after: &VerdictsRule) {
        let VerdictsRule {
            subjects,
            gates,
            summaries,
            signed_by,
            verdict,
            policy,
            project,
            parameters,
            max_age,
            machine_clock,
        } = before;
        let at = |key: &'static str| ["rules", id, "verdicts", key];
        self.about(&at("subject"), subjects, &after.subjects);
        for (gate, on) in gates {
            if !after.gates.contains(&(gate.clone(), *on)) {
                self.add(&["rules", id, "verdicts", gate], "demanded", "gone, or on something else");
            }
        }
        for one in summaries {
            let now = after.summaries.iter().find(|other| other.gate == one.gate);
            let kept = now.is_some_and(|now| {
                let resource = now.resource.iter().all(|glob| glob.is_within(&one.resource));
                let levels = one.levels.iter().all(|level| now.levels.contains(level));
                let policy = one.policy_uri.is_none() || one.policy_uri == now.policy_uri;
                let same = (one.on, one.predicate, &one.verifier) == (now.on, now.predicate, &now.verifier);
                same && resource && levels && policy
            });
            if !kept {
                self.add(
                    &["rules", id, "verdicts", &one.gate],
                    "demanded",
                    "gone, or less is demanded of it",
                );
            }
        }
        self.choice(&at("signed_by"), signed_by, &after.signed_by);
        let words = |list: &[crate::policy::VerdictWord]| {
            list.iter().map(|word| word.as_str().to_owned()).collect::<Vec<_>>()
        };
        self.choice(&at("verdict"), &words(verdict), &words(&after.verdict));
        self.choice(&at("policy"), policy, &after.policy);
        // Another project's gates are others, and so is the run's own where one was named.
        let shown = |project: &Option<String>| project.clone().unwrap_or_else(|| "the run's own".to_owned());
        self.require_equal(&at("project"), &shown(project), &shown(&after.project));
        for (name, value) in parameters {
            if !after.parameters.contains(&(name.clone(), value.clone())) {
                let now = after.parameters.iter().find(|(other, _)| other == name);
                let now = now.map_or_else(|| "any".to_owned(), |(_, value)| value.clone());
                self.add(&["rules", id, "verdicts", "parameters", name], value.clone(), now);
            }
        }
        self.most(&at("max_age"), *max_age, after.max_age, short_duration);
        if *machine_clock && !after.machine_clock {
            self.add(&at("clock"), "machine", "any");
        }
    }

    /// A list of which any will do, where none means that anything will: nothing comes to it, and it stays.
    pub(super) fn choice(&mut self, path: &[&str], before: &[String], after: &[String]) {
        if before.is_empty() || !after.is_empty() && after.iter().all(|one| before.contains(one)) {
            return;
        }
        let shown = |list: &[String]| if list.is_empty() { "any".to_owned() } else { listed(list) };
        self.add(path, shown(before), shown(after));
    }

    /// Which of the subjects it looks at: none of them is left out.
    fn about(&mut self, path: &[&str], before: &[String], after: &[String]) {
        let kept =
            if before.is_empty() { after.is_empty() } else { before.iter().all(|s| after.contains(s)) };
        if !kept {
            let shown =
                |list: &[String]| if list.is_empty() { "the one artifact".to_owned() } else { listed(list) };
            self.add(path, shown(before), shown(after));
        }
    }
}
