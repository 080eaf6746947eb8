//! Waivers by owner: what they cost in days, and what they hide.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::decide::WaiverStatus;
use crate::finding::Severity;
use crate::fleet::{Fleet, WaiverCost};
use crate::render::fleet::table::{FleetBar, FleetCell, FleetTable, bars};

/// Owners of a chart.
const BARS: usize = 15;

/// Days of all waivers.
fn days(waivers: &[&WaiverCost], of: fn(&WaiverCost) -> Option<i64>) -> i64 {
    waivers.iter().filter_map(|waiver| of(waiver)).fold(0, i64::saturating_add)
}

pub(super) fn tables(fleet: &Fleet) -> Vec<FleetTable> {
    let mut by: BTreeMap<&str, Vec<&WaiverCost>> = BTreeMap::new();
    for waiver in fleet.waivers.waivers.values() {
        by.entry(&waiver.owner).or_default().push(waiver);
    }
    let mut owners: Vec<(&str, Vec<&WaiverCost>)> = by.into_iter().collect();
    owners.sort_by_key(|(owner, waivers)| (Reverse(days(waivers, |one| one.days_so_far)), *owner));
    let row = |(owner, waivers): &(&str, Vec<&WaiverCost>)| {
        let count = |is: &dyn Fn(&WaiverCost) -> bool| {
            FleetCell::number(waivers.iter().filter(|one| is(one)).count())
        };
        let hides = waivers.iter().filter(|one| one.current).map(|one| one.hides);
        let hides = hides.fold(0, u64::saturating_add);
        let worst: usize =
            waivers.iter().flat_map(|one| one.hidden.values()).filter(|one| is_high(one.severity)).count();
        vec![
            FleetCell::Name((*owner).to_owned()),
            FleetCell::number(waivers.len()),
            count(&|one| covers(one)),
            count(&|one| one.emergency),
            FleetCell::Count(Some(days(waivers, |one| one.days_so_far))),
            FleetCell::Count(Some(days(waivers, |one| one.days_granted))),
            FleetCell::count(hides),
            FleetCell::number(worst),
            FleetCell::Count(waivers.iter().filter(|one| covers(one)).filter_map(|one| one.days_left).min()),
        ]
    };
    let chart = owners.iter().take(BARS).map(|(owner, waivers)| {
        let so_far = days(waivers, |one| one.days_so_far);
        let rest = days(waivers, |one| one.days_granted).saturating_sub(so_far);
        let part = |days: i64| u64::try_from(days).unwrap_or_default();
        FleetBar { name: (*owner).to_owned(), parts: vec![part(so_far), part(rest)] }
    });
    let parts = [("warn", "days so far"), ("none", "days to come")];
    vec![
        FleetTable {
            id: "waivers-by-owner",
            heading: "By owner",
            about: "The cost of a waiver is the days from its beginning to now, or to its end. What it \
             hides is counted in the latest run of its repository."
                .to_owned(),
            columns: vec![
                "owner",
                "waivers",
                "cover now",
                "emergencies",
                "days so far",
                "days granted",
                "hide now",
                "high or worse",
                "next ends in, days",
            ],
            rows: owners.iter().map(row).collect(),
            shown: 30,
            chart: bars(false, &parts, chart.collect()),
            empty: "There is no waiver.",
        },
        one_by_one(fleet),
    ]
}

/// It covers in the latest run.
fn covers(waiver: &WaiverCost) -> bool {
    waiver.current && waiver.status == WaiverStatus::Active
}

fn is_high(severity: Severity) -> bool {
    severity.rank(Severity::Critical) >= Severity::High.rank(Severity::Critical)
}

/// Findings that a row names.
const NAMED: usize = 4;

fn one_by_one(fleet: &Fleet) -> FleetTable {
    let mut waivers: Vec<&WaiverCost> = fleet.waivers.waivers.values().collect();
    waivers.sort_by_key(|one| {
        (!one.current, Reverse(one.hides), one.expires.clone(), one.of.clone(), one.id.clone())
    });
    let row = |one: &&WaiverCost| {
        let mut names: Vec<String> =
            one.hidden.values().map(|hidden| format!("{} {}", hidden.check_id, hidden.place)).collect();
        names.sort();
        names.dedup();
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        vec![
            FleetCell::Name(one.id.clone()),
            FleetCell::Repository(one.of.project.clone()),
            FleetCell::Name(one.rules.join(", ")),
            FleetCell::Name(one.owner.clone()),
            FleetCell::Name(one.approved_by.clone()),
            FleetCell::Colored(if one.current { one.status.as_str() } else { "gone" }),
            FleetCell::Written(one.expires.clone()),
            FleetCell::Count(one.days_so_far),
            FleetCell::Count(one.days_left.filter(|_| one.current)),
            FleetCell::count(if one.current { one.hides } else { 0 }),
            FleetCell::Name(names.join(", ") + &more),
        ]
    };
    FleetTable {
        id: "waivers",
        heading: "One by one",
        about: "Those that hide most come first; those that the latest run no longer has come last."
            .to_owned(),
        columns: vec![
            "waiver",
            "repository",
            "rules",
            "owner",
            "approved by",
            "state",
            "until",
            "days so far",
            "days left",
            "hides",
            "what it hides",
        ],
        rows: waivers.iter().map(row).collect(),
        shown: 50,
        chart: None,
        empty: "There is no waiver.",
    }
}
