//! Contents of SBOMs: format, number of components, the subject's digest, licences.

mod licenses;

use super::Document;
use super::requirement::{Requirements, RuleContext, UnmetRequirement, each};
use crate::finding::clean_line;
use crate::policy::{DocumentKind, LicenseRule, SbomFormat, SbomRule};
use crate::report::Sbom;
use licenses::LicenseDecision;

/// Components that a message names.
const NAMED: usize = 3;

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &SbomRule, world: RuleContext<'_>) -> Requirements {
    each(&rule.subjects, |subject| of_subject(rule, subject, world))
}

fn of_subject(rule: &SbomRule, subject: Option<&str>, world: RuleContext<'_>) -> Requirements {
    let mut demands = Requirements::default();
    let digest = world.context.artifact(subject).map(|artifact| artifact.digest.as_str());
    if rule.names_subject && digest.is_none() {
        let flag = subject.map_or_else(String::new, |subject| format!("{subject}="));
        return Requirements::undecided(format!("which image? say it with --subject {flag}NAME@sha256:HEX"));
    }
    let documents: Vec<(&Document, &Sbom)> =
        world.documents(DocumentKind::Sbom, subject).filter_map(|d| Some((d, d.sbom.as_deref()?))).collect();
    // A document of an entry without subject may be about another one of them.
    let names = |sbom: &Sbom| digest.is_some_and(|digest| sbom.digests.iter().any(|d| d.as_str() == digest));
    let (ours, others): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .partition(|(d, sbom)| d.subject.is_some() || names(sbom) || !rule.names_subject);
    let mut refused = false;
    for document in world.documents(DocumentKind::Sbom, subject) {
        if let Some(why) = &document.refused {
            demands.unmet(format!("{} {why}", clean_line(&document.path)));
            refused = true;
        }
    }
    if ours.is_empty() && !refused {
        let which = others.iter().map(|(d, sbom)| format!("{} {}", clean_line(&d.path), stated(sbom)));
        demands.unmet(match which.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "there is no SBOM".to_owned(),
            some => format!("no SBOM is about {}: {some}", digest.unwrap_or_default()),
        });
    }
    for (document, sbom) in ours {
        if rule.names_subject && !names(sbom) {
            let path = clean_line(&document.path);
            demands.unmet(format!("{path} {}, not {}", stated(sbom), digest.unwrap_or_default()));
        }
        contents(rule, document, sbom, &mut demands);
    }
    demands
}

/// Which image an SBOM says it is about.
fn stated(sbom: &Sbom) -> String {
    match sbom.digests.first() {
        Some(digest) => format!("is about {digest}"),
        None => "states the digest of no image".to_owned(),
    }
}

fn contents(rule: &SbomRule, document: &Document, sbom: &Sbom, demands: &mut Requirements) {
    let path = clean_line(&document.path);
    let formats: Vec<&str> = rule.format.iter().copied().map(SbomFormat::as_str).collect();
    if !formats.is_empty() && !formats.contains(&sbom.format) {
        demands.unmet(format!("{path} is {}, not {}", sbom.format, formats.join(" or ")));
    }
    if sbom.components < rule.components_at_least {
        let (is, least) = (sbom.components, rule.components_at_least);
        demands.unmet(format!("{path} lists {is} components, at least {least} demanded"));
    } else {
        demands.met.push(format!("{path} lists {} components", sbom.components));
    }
    if let Some(licenses) = &rule.licenses {
        self::licenses(licenses, sbom, demands);
    }
}

fn licenses(rule: &LicenseRule, sbom: &Sbom, demands: &mut Requirements) {
    let mut of = [
        (LicenseDecision::Denied, "with a denied licence"),
        (LicenseDecision::Unknown, "without a known licence"),
    ]
    .map(|(license, words)| (license, words, 0_u64, Vec::new()));
    for (texts, licensed) in &sbom.licenses {
        let weighed = licenses::weigh(texts, &rule.deny);
        for (license, _, count, examples) in &mut of {
            if *license == weighed {
                *count += licensed.components;
                if examples.len() < NAMED {
                    let texts = texts.iter().map(|t| clean_line(t)).collect::<Vec<_>>().join(", ");
                    let texts = if texts.is_empty() { texts } else { format!(" ({texts})") };
                    examples.push(format!("{}{texts}", licensed.example));
                }
            }
        }
    }
    for (license, words, count, examples) in of {
        // Without `unknown` and with `deny` a licence that is not known could be a denied one.
        let then = if license == LicenseDecision::Unknown { rule.unknown } else { None };
        if count > 0 {
            let s = if count == 1 { "" } else { "s" };
            let text = format!("{count} component{s} {words}, such as {}", examples.join(", "));
            demands.unmet.push(UnmetRequirement { text, then });
        }
    }
}
