//! Diagnostics of the files that a team writes: policies, waiver files, mapping files, files of cases, and ignore files of
//! scanners.

use crate::diagnostic::diagnostics;

diagnostics! {
    /// One thing that is wrong in such a file.
    pub enum PolicyDiagnostic {
        // The file as a whole.
        /// The file is larger than any that a person writes.
        "file-too-large" FileTooLarge { what: &'static str, most: usize, is: usize }
            => "a {what} may have {most} bytes; this file has {is}";
        /// The file is UTF-16 or UTF-32.
        "not-utf8" WideEncoding => "the file is UTF-16 or UTF-32, not UTF-8", help "save it as UTF-8";
        /// A byte of the file is not UTF-8.
        "invalid-byte" InvalidByte => "a byte here is not UTF-8", help "save the file as UTF-8";
        /// The file is something else than its place says.
        "wrong-file-kind" WrongFileKind { what: &'static str } => "this is not {what}";
        /// The file holds nothing.
        "empty-file" EmptyFile { what: &'static str, begin: &'static str }
            => "the file holds no {what}", help "{begin}";
        /// An ignore file of a scanner that its name does not tell.
        "unknown-ignore-file" UnknownIgnoreFile => "no ignore file that secgate knows by its name",
            help "there are .trivyignore, .trivyignore.yaml, .grype.yaml, osv-scanner.toml, .gitleaksignore, .snyk, .checkov.yaml, .secrets.baseline and .semgrepignore";
        /// The settings of OSV-Scanner are not TOML, or of another shape.
        "invalid-toml" InvalidToml { why } => "{why}";
        // YAML.
        /// A merge conflict was left in the file.
        "merge-conflict" MergeConflict
            => "a merge conflict was left in the file", help "resolve it, then remove the markers";
        /// The file is not YAML.
        "invalid-yaml" InvalidYaml { why, quote: Option<String> } => "not valid YAML: {why}", help if quote;
        /// The file holds more values than any that a person writes.
        "too-many-values" TooManyValues { what: &'static str, most: usize }
            => "a {what} may have {most} values; this file has more";
        /// Lists and maps stand in each other too deeply.
        "nested-too-deeply" NestedTooDeeply { what: &'static str, most: usize }
            => "a {what} may be nested {most} deep; this is deeper";
        /// A file holds more than one YAML document.
        "second-document" SecondDocument { what: &'static str }
            => "a second YAML document starts here", help "one {what} a file";
        /// YAML aliases are not used.
        "yaml-alias" YamlAlias { what: &'static str, shown, word }
            => "aliases are not used in {what}: {shown}", help "if a text is meant, quote it: \"{word}\"";
        /// YAML anchors are not used.
        "yaml-anchor" YamlAnchor { what: &'static str }
            => "anchors are not used in {what}", help "write the value out; quote a text that starts with `&`";
        /// YAML tags are not used.
        "yaml-tag" YamlTag { what: &'static str, shown }
            => "tags are not used in {what}: {shown}", help "if a text is meant, quote it, `!` included";
        /// YAML merge keys are not used.
        "yaml-merge-key" YamlMergeKey { what: &'static str }
            => "merge keys (`<<`) are not used in {what}", help "write the keys out";
        /// A key is a list or a map.
        "key-not-a-word" KeyNotAWord
            => "a key must be a word", help "quote a text that starts with `[` or `{{`";
        /// A map has a key twice.
        "duplicate-key" DuplicateKey { shown, line: u64 } => "duplicate key {shown}; it stands in line {line} already";
        // Keys and values.
        /// A key that the map does not have.
        "unknown-key" UnknownKey { what: &'static str, shown } => "unknown key in {what}: {shown}";
        /// A key of other tools for which there is another word here.
        "foreign-key" ForeignKey { what: &'static str, shown, instead: &'static str }
            => "unknown key in {what}: {shown}", help "{instead}";
        /// A key that has to be there is not.
        "missing-key" MissingKey { what, key: &'static str } => "{what} needs the key `{key}`";
        /// A value is of another kind than its key wants.
        "wrong-value" WrongValue { key, must, is } => "`{key}` must be {must}, not {is}";
        /// A word that the key does not know.
        "unknown-word" UnknownWord { key, shown } => "`{key}`: unknown word {shown}";
        /// A text, a list or a map without content.
        "empty-value" EmptyValue { key } => "`{key}` is empty";
        /// A list without elements, which would match nothing.
        "empty-list" EmptyList { key } => "`{key}` is an empty list";
        /// A text holds characters that nobody sees.
        "invisible-characters" InvisibleCharacters { key, shown } => "`{key}` holds characters that cannot be seen: {shown}";
        /// A glob that matches nothing, or not what it seems to.
        "invalid-glob" InvalidGlob { key, shown, why } => "`{key}`: {shown}: {why}";
        /// A `JSONPath` or a `where` that is not valid, or whose result could not be relied on.
        "invalid-query" InvalidQuery { key, why, instead: Option<String> } => "`{key}`: {why}", help if instead;
        /// A digest is not one.
        "invalid-digest" InvalidDigest { what: &'static str, shown } => "{what} has 64 hexadecimal digits, not {shown}";
        /// A wildcard in a name that is compared exactly.
        "wildcard-in-name" WildcardInName { key, shown }
            => "`{key}` is compared exactly, without wildcards: {shown}", help "wildcards stand in `ids`, `rule_id` and `path`";
        // The policy.
        /// The name of a gate that could not be a file name.
        "invalid-gate-name" InvalidGateName { shown } => "`gate` may hold letters, digits, `-`, `_` and `.`, not {shown}";
        /// An unknown severity cannot count as unknown.
        "unknown-as-unknown" UnknownAsUnknown => "`severity.unknown` says what unknown counts as; it cannot be `unknown`";
        /// A line of the severity map that would match everything.
        "map-without-condition" MapWithoutCondition
            => "a line of `severity.map` needs a condition: `tool`, `rule_id`, `severity`, `path`, `cwe`, `cvss` or `reachable`";
        /// A line of the severity map that changes the category by what a report may not tell.
        "map-category-by-unknown" MapCategoryByUnknown
            => "`category` cannot follow from `cvss` or `reachable`, which a report may not tell",
            help "take `tool`, `rule_id`, `severity`, `path` or `cwe` as conditions";
        /// A line of the severity map that changes nothing.
        "map-without-result" MapWithoutResult => "a line of `severity.map` needs a result: `as` or `category`";
        /// A line of the severity map that gives no level.
        "map-to-unknown" MapToUnknown => "`as` must be a level, not `unknown`";
        /// A parameter is read from something that is not a variable.
        "invalid-variable" InvalidVariable { shown } => "`env` must be the name of a variable, not {shown}";
        /// A text that cannot be the name of a user.
        "invalid-user" InvalidUser { shown } => "{shown} is not a GitLab user name";
        /// The name of a role without its prefix.
        "role-without-prefix" RoleWithoutPrefix { shown, role } => "{shown} is a role; did you mean `role:{role}`?";
        /// Neither a role nor a user.
        "invalid-reviewer" InvalidReviewer { shown } => "{shown} is neither `role:NAME` nor `@user`";
        /// A role that the policy does not declare.
        "unknown-role" UnknownRole { shown, role }
            => "`people` has no role {shown}", help "add it: `people: {{{role}: [\"@user\"]}}`";
        /// A user among those who may approve waivers.
        "approver-without-role" ApproverWithoutRole { shown }
            => "`approvers` names roles, and {shown} is none", help "put them into a role: `people: {{appsec: [\"@user\"]}}`, and write `role:appsec`";
        // Policies that extend others.
        /// A path that leaves the folder that it has to stay in.
        "path-outside" PathOutside { key: &'static str, shown, where_to: &'static str, such: &'static str }
            => "`{key}`: {shown} {where_to}", help "write a path {such}";
        /// A policy extends itself.
        "extends-itself" ExtendsItself { shown } => "`extends`: {shown} extends itself";
        /// A chain of policies that is too long.
        "extends-too-many" ExtendsTooMany { most: usize } => "`extends`: more than {most} policies, one over the other";
        /// The policy that is extended cannot be read.
        "extends-unreadable" ExtendsUnreadable { shown, why }
            => "`extends`: {shown}: {why}", help "is it fetched before the gate runs? a policy is never skipped";
        /// The policy that is extended is another one than is demanded.
        "extends-changed" ExtendsChanged { shown, is }
            => "`extends`: {shown} has sha256:{is}, and another is demanded",
            help "look at what has changed in it; where that is meant, write its new digest here";
        /// A file that the policy names cannot be read.
        "file-unreadable" FileUnreadable { shown, why } => "`file`: {shown}: {why}";
        /// A policy that extends another would allow what that one does not.
        "looser-than-inherited" LooserThanInherited { clause, after, place, before }
            => "{clause} is {after}, and {place} says {before}: what is inherited may only be made stricter",
            help "add a rule of your own";
        /// A policy that extends another would add what that one does not have.
        "not-inherited" NotInherited { clause, after, place }
            => "{clause}: {after}, which {place} does not have", help "let the policy that is extended name it";
        /// A policy extends one of another gate.
        "other-gate" OtherGate { is, inherited }
            => "`gate` is {is}, and the policy that is extended is for {inherited}", help "a policy extends one of its own gate";
        /// The rules of a policy that is extended are not a list.
        "rules-not-a-list" RulesNotAList => "`rules` must be a list";
        /// A key of something inherited that cannot be given again.
        "inherited-key" InheritedKey { what, line: u64, shown, keys }
            => "{what} is inherited (line {line}); {shown} stays",
            help "add a rule or an entry of your own; here only {keys} can be stricter";
        // Evidence.
        /// Two entries have one name.
        "duplicate-entry" DuplicateEntry { shown } => "another entry is called {shown} as well";
        /// A name is longer than a person reads.
        "name-too-long" NameTooLong { what: &'static str, most: usize } => "{what} may have {most} characters";
        /// A signature is asked for where the rule asks for it.
        "signed-by-misplaced" SignedByMisplaced { shown }
            => "`signed_by` is for `feed: vex` and `document: sbom`, and {shown} is neither",
            help "of provenance and verdicts the rule says who must have signed them";
        /// A placeholder that does not exist.
        "unknown-placeholder-in-files" UnknownPlaceholderInFiles { known: &'static str, shown }
            => "`files` knows `{known}` and no other: {shown}";
        /// The placeholder of the subject in an entry without subject.
        "subject-placeholder" SubjectPlaceholder { known: &'static str }
            => "`{known}` in an entry that is about no subject", help "add `subject: each` to the entry";
        /// All subjects would share the same files.
        "subjects-share-files" SubjectsShareFiles { known: &'static str }
            => "each subject would have the same files", help "write the subject's name as `{known}`, such as `trivy-{known}.json`";
        /// An entry does not say what its files are.
        "entry-without-kind" EntryWithoutKind { shown }
            => "evidence {shown} needs `category`, `feed` or `document`", help "a scanner's report has a category: `category: sast`";
        /// An entry says that its files are several things.
        "entry-of-several-kinds" EntryOfSeveralKinds { shown } => "evidence {shown} is of one kind: `category`, `feed` or `document`";
        /// The age of a document that does not tell it.
        "age-not-told" AgeNotTold { key: &'static str, shown }
            => "`{key}`: nothing tells how old {shown} is", help "demand the age of a fact in the rule, such as `{{within: 30d}}` or `max_age`";
        /// A key that means something for reports alone.
        "key-for-reports" KeyForReports { key: &'static str, shown } => "`{key}` is for reports, and {shown} is none";
        // Rules.
        /// Two rules have one id.
        "duplicate-rule" DuplicateRule { shown, line: u64 } => "duplicate rule id {shown}; line {line} has it already";
        /// A rule's id could not be told from the name of a gate.
        "slash-in-rule-id" SlashInRuleId { shown } => "`id` may not hold `/`: waivers name rules as GATE/RULE: {shown}";
        /// A rule looks at nothing.
        "rule-without-subject" RuleWithoutSubject { shown }
            => "rule {shown} has no subject", help "say what it looks at: `findings: {{category: sast}}` or `document: {{…}}`";
        /// A rule looks at several things.
        "rule-with-several-subjects" RuleWithSeveralSubjects { shown, count: usize, subjects }
            => "rule {shown} has {count} subjects: {subjects}", help "make it one rule for each";
        /// A condition on a parameter that is not declared.
        "undeclared-parameter" UndeclaredParameter { shown }
            => "`when` names the parameter {shown}, which the policy does not declare", help "declare it: `parameters: {{NAME: {{one_of: […]}}}}`";
        /// A condition on a value that the parameter cannot have.
        "unknown-parameter-value" UnknownParameterValue { parameter, shown } => "`{parameter}` of `when`: unknown value {shown}";
        /// A rule about a document that asks for nothing.
        "document-without-demand" DocumentWithoutDemand => "`document` demands nothing; give `require`, `forbid` or `at_least`";
        /// A demand on one fact whose path finds several.
        "path-to-several" PathToSeveral { shown }
            => "`require` needs a path to one fact, not {shown}", help "use names and indexes only; `forbid` and `at_least` look at several nodes";
        // The command of a scanner.
        /// The command of a scanner does not begin with a program on `PATH`.
        "invalid-program" InvalidProgram { shown }
            => "`run`: {shown} is not the name of a program",
            help "write a list of words, first the program as it stands on PATH: `run: [semgrep, scan, --json]`; a path would let a change replace the program, and no shell is there to split a line";
        /// The placeholder of the changed files within a word.
        "changed-within-a-word" ChangedWithinAWord { known: &'static str }
            => "`run`: {known} stands for any number of files, so it is a word by itself";
        /// The placeholder of the changed files more than once.
        "changed-repeated" ChangedRepeated { known: &'static str, times: usize } => "`run`: {known} stands there {times} times";
        /// A placeholder that a command does not have.
        "unknown-placeholder" UnknownPlaceholder { shown } => "`run`: unknown placeholder {shown}";
        // Selectors.
        /// A condition with `not` inside another.
        "not-within-not" NotWithinNot { key: &'static str }
            => "`{key}` stands inside `{key}`", help "say what is looked for outside of `not`";
        /// A condition with `any` inside `not`.
        "any-within-not" AnyWithinNot
            => "`any` stands inside `not`", help "give `not` a list: what any of its selectors matches is left out";
        /// A condition with `any` inside another.
        "any-within-any" AnyWithinAny => "`any` stands inside `any`", help "put its selectors into the list around it";
        /// A selector that only a rule can have.
        "suppressed-within" SuppressedWithin { key }
            => "`suppressed` cannot stand inside `{key}`", help "only active findings are looked at unless the rule says `suppressed: true`";
        /// A selector inside another that matches everything.
        "empty-selector" EmptySelector { key, empty } => "`{key}` is empty: {empty}";
        /// A set is named where none can be.
        "no-sets" NoSets { key: &'static str, shown }
            => "`{key}` names {shown}, and there are no sets to name here", help "declare it at the top of the policy: `sets: {{NAME: {{path: …}}}}`";
        /// A word that a selector does not know.
        "unknown-in-selector" UnknownInSelector { key, what: &'static str, shown } => "`{key}`: unknown {what} {shown}";
        /// An ecosystem by a name that package URLs do not have.
        "other-ecosystem-name" OtherEcosystemName { key, shown, kind: &'static str }
            => "`{key}`: unknown ecosystem {shown}", help "in package URLs it is `{kind}`";
        /// A set holds a selector that only a rule can have.
        "suppressed-in-set" SuppressedInSet
            => "`suppressed` cannot stand in a set", help "give it to the rule: `findings: {{set: NAME, suppressed: true}}`";
        /// A set would hold every finding.
        "empty-set" EmptySet { shown } => "the set {shown} is empty: every finding would be in it";
        /// A line of the severity map makes findings milder and does not say why.
        "milder-without-reason" MilderWithoutReason
            => "this line of `severity.map` may make a severity milder, and does not say why",
            help "add `reason: …`, or take a level that is not milder than the scanner's";
        /// A rule says what unknown attributes mean and looks at no findings.
        "unknown-without-findings" UnknownWithoutFindings
            => "`unknown` is about findings, and this rule looks at none", help "take it out";
        /// An attribute that no finding can lack.
        "unknown-attribute" UnknownAttribute { shown } => "`unknown`: no attribute that a finding may lack is {shown}";
        /// Deadlines beside a preset of them.
        "preset-and-deadlines" PresetAndDeadlines
            => "a preset stands beside deadlines of your own",
            help "take the levels and `from` out, or write another rule for what is stricter";
        /// Deadlines without one.
        "no-deadline" NoDeadline { key } => "`{key}` sets no deadline", help "such as `due: {{critical: 7d, high: 30d}}`";
        /// A milder finding is due sooner than a worse one.
        "milder-due-sooner" MilderDueSooner { key }
            => "`{key}` gives a milder finding less time than a worse one", help "each level needs at most the time of the next milder one";
        /// The default of a parameter is none of its values.
        "default-not-among-values" DefaultNotAmongValues { shown } => "`default`: not one of the values {shown}";
        /// A level that is none.
        "severity-unknown" SeverityUnknown
            => "`severity` selects a level or worse, and `unknown` is not a level",
            help "`severity: {{unknown: …}}` at the top of the policy says what unknown counts as; the default is `critical`";
        /// A selector on what is not known.
        "fix-unknown" FixUnknown
            => "`fix` selects `available` or `none`, not `unknown`", help "a finding whose report does not say matches both";
        /// A selector on what is not known.
        "reachable-unknown" ReachableUnknown
            => "`not: {{reachable: unknown}}` would leave out what nobody knows",
            help "leave the word out: inside `not` a finding whose report does not say never matches";
        /// Deadlines inside `not`.
        "due-within-not" DueWithinNot { key: &'static str }
            => "`{key}` inside `not` would let go of what is overdue, and of what gets worse",
            help "ask for what is due; `within` counts it so long before its time is up";
        /// A weakness where an advisory is asked for.
        "cwe-among-ids" CweAmongIds { shown, instead: &'static str }
            => "`ids` holds advisories, and {shown} is a class of weakness", help "{instead}";
        // Evidence that rules need.
        /// A rule asks for what no feed tells.
        "rule-without-feed" RuleWithoutFeed { rule, feed: &'static str }
            => "rule {rule} asks for `{feed}`, and no evidence entry is a feed that tells it",
            help "add an entry to `evidence`: `{feed}: {{feed: {feed}, files: […], max_age: 7d}}`";
        /// A rule looks at a category that no report can hold.
        "rule-without-category" RuleWithoutCategory { rule, category: crate::finding::Category }
            => "rule {rule} looks at `{category}`, and no evidence entry can feed it",
            help "add an entry to `evidence`: `{{category: {category}, files: […]}}`";
        /// A rule looks at findings, and no report is asked for.
        "rule-without-report" RuleWithoutReport { rule }
            => "rule {rule} looks at findings, and no evidence entry is a report",
            help "add an entry to `evidence`, such as `sast: {{category: sast, files: [semgrep.json]}}`";
        /// An entry that is named for its reports holds none.
        "entry-without-reports" EntryWithoutReports { shown } => "`evidence`: {shown} holds no reports";
        /// An entry that the policy does not have.
        "unknown-entry" UnknownEntry { shown } => "`evidence`: no entry is called {shown}";
        /// A rule looks at a document that no entry brings.
        "rule-without-document" RuleWithoutDocument { rule, shown, instead }
            => "rule {rule} looks at the document {shown}, and no evidence entry with `document: json` has that name", help "{instead}";
        /// A rule that no entry can feed.
        "rule-without-evidence" RuleWithoutEvidence { rule, instead }
            => "no evidence entry can feed the rule {rule}", help "{instead}";
        /// A rule that no entry can feed for one of its subjects.
        "rule-without-evidence-for-subject" RuleWithoutEvidenceForSubject { rule, subject, instead }
            => "no evidence entry can feed the rule {rule} for the subject {subject}", help "{instead}";
        /// A rule about approvals without the document that holds them.
        "rule-without-approvals" RuleWithoutApprovals { rule, document: &'static str }
            => "no evidence entry can feed the rule {rule}: there is no `document: {document}`",
            help "add an entry to `evidence`: `{{document: {document}, files: […]}}`";
        /// A rule about approvals that cannot know who may not approve.
        "rule-without-people" RuleWithoutPeople { rule, what: &'static str, document: &'static str }
            => "the rule {rule} needs to know {what}: there is no `document: {document}`",
            help "add an entry to `evidence`: `{{document: {document}, files: […]}}`";
        // Allowances.
        /// An allowance that is neither of its forms.
        "allowance-in-part" AllowanceInPart
            => "`allow` is a number, `{{base: same}}`, or `per` with `count`", help "for example `allow: {{per: path, count: 5}}`";
        /// An allowance that only a rule about findings can have.
        "allowance-without-findings" AllowanceWithoutFindings { allowance }
            => "`allow: {allowance}` counts findings, and the rule is not about `findings`";
        /// An allowance of the base where the policy reads no reports of the base.
        "allowance-without-base" AllowanceWithoutBase
            => "`allow: {{base: same}}` counts what reports of the base hold, and the policy does not compare with any",
            help "add `base: {{from: base-report, without: review}}`";
        /// An allowance of the base for what no report of the base tells.
        "allowance-of-the-run" AllowanceOfTheRun { key: &'static str }
            => "`allow: {{base: same}}` cannot count by `{key}`: a report of the base does not tell it",
            help "leave `{key}` out; the count is compared with the base whatever is new";
        /// A waiver for a count that the base decides.
        "allowance-waivable" AllowanceWaivable
            => "`allow: {{base: same}}` with `waivable: true`: what a waiver covers may be in the base as well, and would make room",
            help "leave `waivable` out; for exceptions write a rule with a number";
        // Settings of waivers.
        /// A digest of a waiver file that the policy does not read.
        "pinned-elsewhere" PinnedElsewhere { shown }
            => "`pinned`: {shown} is none of `files`", help "name the file in `files` as well, without wildcards";
        // Subjects, images, SBOMs, provenance, verdicts, keys.
        /// A name that no subject can have.
        "invalid-subject-name" InvalidSubjectName { shown }
            => "{shown} cannot be the name of a subject", help "a name holds letters, digits, `-`, `_` and `.`; `each` means all";
        /// Several subjects, and no word which is meant.
        "subject-not-said" SubjectNotSaid { count: usize }
            => "the policy has {count} subjects, and nothing says which are meant", help "add `subject: each`, or the name of one";
        /// Each subject of a policy that has none.
        "no-subjects" NoSubjects
            => "`subject: each`, and the policy has no subjects", help "declare them: `subjects: {{api: {{kind: image}}}}`";
        /// A subject that the policy does not have.
        "unknown-subject" UnknownSubject { shown }
            => "`subject`: the policy has no subject {shown}", help "declare it: `subjects: {{NAME: {{kind: image}}}}`";
        /// A rule about images that asks for nothing.
        "image-without-demand" ImageWithoutDemand { demands } => "`image` demands nothing; give one of {demands}";
        /// A demand for a system without maintenance.
        "end-of-life-demanded" EndOfLifeDemanded
            => "`os_end_of_life: true` would demand a system that is no longer maintained", help "write `os_end_of_life: false`, or leave it out";
        /// An oldest version of a scanner that is not a list of numbers.
        "invalid-version" InvalidVersion { shown }
            => "`at_least`: {shown} is not a version", help "numbers with dots between them, such as `1.150`";
        /// A glob of images without a registry.
        "invalid-image-glob" InvalidImageGlob { key, shown }
            => "`{key}`: {shown} is not a glob of image names with their registry",
            help "write the registry, such as `registry.example.com/team/**`; no tag, no digest";
        /// A demand on licences that asks for nothing.
        "licenses-without-demand" LicensesWithoutDemand => "`licenses` demands nothing; give `allow`, `deny` or `unknown`";
        /// A text that is not a licence id.
        "invalid-license" InvalidLicense { key, shown, categories }
            => "`{key}`: {shown} is neither an SPDX licence id nor a category",
            help "an id such as `MIT` or `GPL-2.0-only WITH Classpath-exception-2.0`, or a category: {categories}";
        /// A word for no licence among those that are allowed.
        "nameless-license" NamelessLicense { key, shown }
            => "`{key}`: {shown} says that nobody knows the licence", help "`unknown: warn` lets such components pass";
        /// Provenance that anybody could have written.
        "provenance-unsigned" ProvenanceUnsigned
            => "`provenance` without `signed_by` may only be `then: warn`: an unsigned statement proves nothing",
            help "name a key of `keys`: `signed_by: [builder]`";
        /// A rule about verdicts that names no gate.
        "verdicts-without-gate" VerdictsWithoutGate
            => "`verdicts` names no gate", help "name those that must have passed: `verdicts: {{merge: {{on: commit}}, signed_by: [gate]}}`";
        /// A gate of another tool of which not enough is demanded.
        "incomplete-summary" IncompleteSummary { why }
            => "a gate of another tool in `verdicts` {why}", help "write `NAME: {{on: subject, predicate: vsa, verifier: URI, resource: GLOB, levels: [SLSA_BUILD_LEVEL_3]}}`";
        /// A key that the policy does not have.
        "unknown-signer" UnknownSigner { shown }
            => "`signed_by`: the policy has no key {shown}", help "declare it: `keys: {{NAME: {{file: keys/NAME.pub, sha256: …}}}}`, or by `issuer` and `identity`";
        /// A key that is two things.
        "key-and-identity" KeyAndIdentity { shown }
            => "{shown} is a public key or an identity, not both", help "leave out `file`, or `trusted_root`, `issuer`, `identity` and `claims`";
        /// A time until which a key counts is none.
        "invalid-key-time" InvalidKeyTime { shown } => "{shown} is not an RFC 3339 time such as 2027-01-01T00:00:00Z";
        /// A key that is nothing.
        "key-without-kind" KeyWithoutKind
            => "a key needs the key `file`, or `issuer` and `identity`",
            help "a public key: `{{file: keys/NAME.pub, sha256: …}}`; an identity: `{{issuer: https://gitlab.com, identity: \"https://gitlab.com/GROUP/PROJECT//.gitlab-ci.yml@refs/heads/main\"}}`";
        /// A key lacks something that its kind needs.
        "key-without" KeyWithout { key: &'static str, shown } => "a key needs the key `{key}`: {shown}";
        /// A digest of a trusted root that comes with secgate.
        "embedded-root-pinned" EmbeddedRootPinned { root }
            => "`sha256` pins a file, and the trusted root `{root}` comes with secgate",
            help "give the file: `trusted_root: keys/trusted_root.json`, or leave out `sha256`";
        /// A wildcard in the issuer of an identity.
        "wildcard-in-issuer" WildcardInIssuer { shown } => "`issuer` is compared exactly, and {shown} has a wildcard";
        /// A claim that certificates do not have.
        "unknown-claim" UnknownClaim { shown } => "unknown claim of certificates: {shown}";
        // Mappings.
        /// An entry and the mapping of its format are of two categories.
        "mapping-of-other-category" MappingOfOtherCategory { entry, wanted: crate::finding::Category, mapping, is: crate::finding::Category }
            => "evidence {entry} is of category `{wanted}`, and the mapping {mapping} of its `format` gives `{is}`";
        /// A name that no mapping can have.
        "invalid-mapping-name" InvalidMappingName { shown } => "the name of a mapping may hold letters, digits, `-`, `_` and `.`, not {shown}";
        /// A mapping that is in a file and written out besides.
        "mapping-file-and-keys" MappingFileAndKeys => "a mapping that is in a `file` has no other key";
        /// A file of mappings that names another.
        "mapping-file-in-file" MappingFileInFile => "a file of mappings holds them itself and names no other file";
        /// A mapping that its file does not hold.
        "unknown-mapping" UnknownMapping { file, shown, known } => "{file} holds no mapping {shown}", help "it holds {known}";
        /// A text that cannot tell a report from others.
        "invalid-sign" InvalidSign { shown }
            => "{shown} is not a sign of a report", help "write keys with points (`a.b`), with a text (`a.b=text`), `[]` for a list, or `<root>` for XML";
        /// Fields of groups without a path to the groups.
        "group-fields-without-groups" GroupFieldsWithoutGroups
            => "`group_fields` without `groups`", help "`groups` is the path to each group";
        /// A field that is given for the group and for the finding.
        "field-given-twice" FieldGivenTwice { field: &'static str } => "`{field}` stands in `fields` and in `group_fields`";
        /// Fields without the rule.
        "fields-without-rule" FieldsWithoutRule => "`fields` needs the key `rule_id`";
        /// A field that means nothing without another.
        "field-without-other" FieldWithoutOther { field: &'static str, other: &'static str } => "`{field}` needs the key `{other}` beside it";
        /// Text about a secret that could hold its value.
        "field-of-a-secret" FieldOfASecret { field: &'static str }
            => "a secret has no `{field}`: text about it may hold its value", help "the rule's id is its title";
        /// A field that only secrets have.
        "verified-without-secret" VerifiedWithoutSecret => "`verified` is for secrets";
        /// The rule of a finding cannot be left out.
        "optional-rule" OptionalRule => "`rule_id` is not optional: every finding has one";
        /// An optional key that the mapping does not have.
        "unknown-optional-key" UnknownOptionalKey { shown } => "`optional`: no key of this mapping is {shown}";
        /// A word of severities that is given twice.
        "duplicate-severity-word" DuplicateSeverityWord { shown } => "{shown} stands in `words` already; letter case is ignored";
        /// Words of severities that no path finds.
        "severity-words-without-path" SeverityWordsWithoutPath => "`severity.words` without a path `fields.severity` that finds them";
        /// A mapping that gives no severity.
        "mapping-without-severity" MappingWithoutSeverity { shown }
            => "the mapping {shown} does not say where severities are",
            help "add `fields: {{severity: \"@.level\"}}`, or `severity: {{missing: high}}` where the tool gives none";
        // Cases.
        /// Two cases have one name.
        "duplicate-case" DuplicateCase { shown, line: u64 } => "two cases have the name {shown}; the other is in line {line}";
        /// The clock of a case is not a time.
        "invalid-time" InvalidTime { shown, such: &'static str } => "`now`: {shown} is not an RFC 3339 time such as {such}";
        /// A report that is written out for an entry that takes none.
        "case-entry-without-reports" CaseEntryWithoutReports { shown } => "{shown} is not an entry for reports; give it a `file`";
        /// A name that the policy of the case does not have.
        "unknown-name-in-case" UnknownNameInCase { what, shown, known } => "the policy has no {what} {shown}", help "it has {known}";
        /// A report that is in a file and written out besides.
        "case-file-and-keys" CaseFileAndKeys => "a report in a `file` says by itself what it holds; leave the other keys out";
        // Waivers.
        /// Two waivers have one id.
        "duplicate-waiver" DuplicateWaiver { shown, line: u64 } => "duplicate id {shown}; line {line} has it already";
        /// A trigger that needs to know how it was.
        "severity-not-noted" SeverityNotNoted
            => "`review_trigger: severity_raised` needs `seen: {{severity: …}}`", help "say what the severity was when the waiver was written";
        /// The name of a rule without its gate.
        "invalid-rule-name" InvalidRuleName { shown, such } => "`rule` is GATE/RULE, without wildcards, not {shown}", help "for example `{such}`";
        /// A gate that does not exist.
        "unknown-gate" UnknownGate { shown, gate, rule } => "`rule`: unknown gate {shown}; did you mean `{gate}/{rule}`?";
        /// A rule that the gate does not have.
        "unknown-rule" UnknownRule { gate, shown } => "`rule`: gate `{gate}` has no rule {shown}";
        /// A placeholder was left in a waiver.
        "placeholder-left" PlaceholderLeft { key: &'static str, shown } => "`{key}` is still the placeholder {shown}";
        /// A text without a word.
        "says-nothing" SaysNothing { key: &'static str, shown } => "`{key}` says nothing: {shown}";
        /// A glob of projects that is none.
        "invalid-project-glob" InvalidProjectGlob { shown, why }
            => "`projects`: {shown} is not a glob of project paths: {why}", help "for example `group/**`";
        /// A waiver that its owner allowed.
        "approved-by-owner" ApprovedByOwner { shown } => "`approved_by` is the owner, {shown}", help "somebody else has to approve it";
        /// A time where a day is asked for.
        "time-without-emergency" TimeWithoutEmergency { key: &'static str }
            => "`{key}` is a day, such as `2027-01-31`; a time needs `kind: emergency`";
        /// A waiver of tomorrow.
        "created-in-future" CreatedInFuture { now: jiff::Timestamp } => "`created` is in the future; the run's clock says {now}";
        /// A waiver that ended before it began.
        "expires-before-created" ExpiresBeforeCreated => "`expires` is before `created`";
        /// An emergency that lasts too long.
        "emergency-too-long" EmergencyTooLong
            => "an emergency lasts 72 hours at most, and this one is longer", help "`created` and `expires` may be times here";
        /// A waiver that lasts longer than the policy allows.
        "waiver-too-long" WaiverTooLong { is, most, latest: Option<String> }
            => "`expires`: {is} is too long; the policy allows {most} (`waivers.max_duration`)", help if latest;
        /// A waiver that does not say for what.
        "match-without-identity" MatchWithoutIdentity
            => "`match` needs `fingerprint`, `ids`, or `rule_id` with `path`", help "`package`, `version`, `content`, `tool` and `path` only narrow it";
        /// A waiver of a check in every file.
        "rule-without-path" RuleWithoutPath => "`match`: `rule_id` needs `path`: a check in every file is not an exception";
        /// A path that is not one of the project.
        "invalid-path" InvalidPath { shown }
            => "`path` is relative to the project, without `.`, `..` and `\\`: {shown}", help "write it as the JSON output shows it";
        /// A wildcard in a name of a waiver.
        "wildcard-in-waiver" WildcardInWaiver { key, shown } => "`{key}` is compared exactly, without wildcards: {shown}";
        /// A text that is not a fingerprint.
        "invalid-fingerprint" InvalidFingerprint { shown }
            => "`fingerprint` is `sg1:` and 32 small hexadecimal digits, not {shown}", help "copy it from the JSON output";
        /// A text that is not a digest of code.
        "invalid-content" InvalidContent { shown } => "`content` is 16 small hexadecimal digits, not {shown}", help "`secgate waiver new` writes it";
        /// Part of an advisory's id.
        "invalid-advisory" InvalidAdvisory { shown }
            => "`ids` holds whole ids of advisories, without wildcards: {shown}", help "for example `CVE-2026-1234`";
        /// A threshold of EPSS that is not one.
        "invalid-epss-trigger" InvalidEpssTrigger { key, shown } => "`{key}`: EPSS is written `epss>=X` with X from 0 to 1, not {shown}", help "for example `epss>=0.5`";
        /// A trigger that does not exist.
        "unknown-trigger" UnknownTrigger { key, shown } => "`{key}`: unknown trigger {shown}";
    }
}
