//! Rewrites a filter's syntax tree so that it pays for its steps (see [`super::meter`]), and finds the names it uses.

use std::collections::{BTreeSet, HashSet};

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::meter::{BUILD, MULTIPLY, STEP};
use super::natives::{INDEX, INDEX_END, TO_TEXT};

/// The factor of `x *= factor`, under a name no author can write.
const FACTOR: &str = "$factor!";

/// The native filter that can give endless numbers, and its number of arguments.
const RANGE: (&str, usize) = ("range", 3);

/// The definition with a charge on entry. One that calls itself pays as for building: every call may hold on to the one
/// before it.
pub(super) fn metered_def(def: Def<&str>) -> Def<&str> {
    let mut names = TermNames::default();
    names.visit_term(&def.body);
    let price = if names.called.contains(&(def.name, def.args.len())) { BUILD } else { STEP };
    Def { name: def.name, args: def.args, body: charge_before(price, metered(def.body)) }
}

/// The term with charges for what it does. A charge stands before a term wherever it may end in a call, since a tail call
/// must stay one (or endless filters would fill the stack).
pub(super) fn metered<'s>(term: Term<&'s str>) -> Term<&'s str> {
    let boxed = |term: Box<Term<&'s str>>| Box::new(metered(*term));
    match term {
        Term::Id | Term::Num(_) | Term::Var(_) | Term::Break(_) | Term::Arr(None) => term,
        Term::Recurse => charge_after(Term::Recurse, STEP),
        Term::Str(format, parts) => {
            let parts = parts.into_iter().map(|part| metered_string_part(part, format.is_none()));
            Term::Str(format, parts.collect())
        }
        Term::Arr(Some(entries)) => charge_before(BUILD, Term::Arr(Some(boxed(entries)))),
        Term::Obj(fields) => charge_before(BUILD, Term::Obj(fields.into_iter().map(metered_field).collect())),
        Term::Neg(term) => Term::Neg(boxed(term)),
        Term::BinOp(left, op, right) => metered_operation(boxed(left), op, boxed(right)),
        Term::Label(label, term) => Term::Label(label, boxed(term)),
        Term::Fold(word, over, pattern, args) => {
            let args = args.into_iter().enumerate().map(|(at, arg)| {
                let arg = metered(arg);
                // The first is where it begins; the second is done again for every value.
                if at == 1 { charge_before(STEP, arg) } else { arg }
            });
            Term::Fold(word, boxed(over), metered_pattern(pattern), args.collect())
        }
        Term::TryCatch(term, catch) => Term::TryCatch(boxed(term), catch.map(boxed)),
        Term::IfThenElse(cases, otherwise) => {
            let cases = cases.into_iter().map(|(when, then)| (metered(when), metered(then)));
            Term::IfThenElse(cases.collect(), otherwise.map(boxed))
        }
        Term::Def(defs, term) => Term::Def(defs.into_iter().map(metered_def).collect(), boxed(term)),
        Term::Call(name, args) => {
            let endless = (name, args.len()) == RANGE;
            let call = Term::Call(name, args.into_iter().map(metered).collect());
            if endless { charge_after(call, STEP) } else { call }
        }
        Term::Path(term, Path(parts)) => {
            let many = parts.iter().any(|(part, _)| matches!(part, Part::Range(None, None)));
            let parts = parts.into_iter().map(|(part, opt)| (metered_path_part(part), opt)).collect();
            let path = Term::Path(boxed(term), Path(parts));
            if many { charge_after(path, STEP) } else { path }
        }
    }
}

/// The variables a filter uses and nowhere binds itself, with their `$`, in order of first use.
pub(super) fn free_variables<'s>(term: &Term<&'s str>) -> Vec<&'s str> {
    let mut names = TermNames::default();
    names.visit_term(term);
    names.used.retain(|name| !names.bound.contains(name));
    names.used
}

/// The texts that stand in a term, without parts that are put together.
pub(super) fn literals(term: &Term<&str>) -> HashSet<String> {
    let mut names = TermNames::default();
    names.visit_term(term);
    names.literals
}

fn metered_operation<'s>(left: Box<Term<&'s str>>, op: BinaryOp<&'s str>, right: Box<Term<&'s str>>) -> Term<&'s str> {
    match op {
        BinaryOp::Math(Math::Mul) => Term::Call(MULTIPLY, vec![*left, *right]),
        BinaryOp::Math(Math::Add) => charge_after(Term::BinOp(left, op, right), STEP),
        BinaryOp::UpdateMath(Math::Mul) => {
            let product = Term::Call(MULTIPLY, vec![Term::Id, Term::Var(FACTOR)]);
            let update = Term::BinOp(left, BinaryOp::Update, Box::new(product));
            Term::BinOp(right, BinaryOp::Pipe(Some(Pattern::Var(FACTOR))), Box::new(update))
        }
        BinaryOp::Comma => charge_before(STEP, Term::BinOp(left, op, right)),
        BinaryOp::Pipe(pattern) => Term::BinOp(left, BinaryOp::Pipe(pattern.map(metered_pattern)), right),
        op => Term::BinOp(left, op, right),
    }
}

/// The part of a string with its charges. A `plain` part is a value written as text; with a format such as `@uri`, that is
/// the format's work.
fn metered_string_part<'s>(part: StrPart<&'s str, Term<&'s str>>, plain: bool) -> StrPart<&'s str, Term<&'s str>> {
    match part {
        StrPart::Term(term) if plain => StrPart::Term(charge_after(metered(term), TO_TEXT)),
        StrPart::Term(term) => StrPart::Term(metered(term)),
        other => other,
    }
}

/// The field of an object with its charges. Keys without a value (`{a}`, `{$x}`) are names to the compiler and stay.
fn metered_field<'s>((key, value): (Term<&'s str>, Option<Term<&'s str>>)) -> (Term<&'s str>, Option<Term<&'s str>>) {
    match value {
        Some(value) => (metered(key), Some(metered(value))),
        None => (key, None),
    }
}

fn metered_pattern(pattern: Pattern<&str>) -> Pattern<&str> {
    match pattern {
        Pattern::Var(name) => Pattern::Var(name),
        Pattern::Arr(patterns) => Pattern::Arr(patterns.into_iter().map(metered_pattern).collect()),
        Pattern::Obj(fields) => {
            Pattern::Obj(fields.into_iter().map(|(key, pattern)| (metered(key), metered_pattern(pattern))).collect())
        }
    }
}

fn metered_path_part(part: Part<Term<&str>>) -> Part<Term<&str>> {
    match part {
        // The name of a field is no number.
        Part::Index(index @ Term::Str(..)) => Part::Index(metered(index)),
        Part::Index(index) => Part::Index(charge_after(metered(index), INDEX)),
        Part::Range(from, to) => {
            let bound = |term, round| charge_after(metered(term), round);
            Part::Range(from.map(|from| bound(from, INDEX)), to.map(|to| bound(to, INDEX_END)))
        }
    }
}

fn call(name: &str) -> Term<&str> {
    Term::Call(name, Vec::new())
}

/// `name | term`
fn charge_before<'s>(name: &'s str, term: Term<&'s str>) -> Term<&'s str> {
    Term::BinOp(Box::new(call(name)), BinaryOp::Pipe(None), Box::new(term))
}

/// `term | name`
fn charge_after<'s>(term: Term<&'s str>, name: &'s str) -> Term<&'s str> {
    Term::BinOp(Box::new(term), BinaryOp::Pipe(None), Box::new(call(name)))
}

/// The names in a term. A variable that is bound anywhere counts as the filter's own everywhere: used
/// outside of its scope it is a mistake, and the compiler says so.
#[derive(Default)]
struct TermNames<'s> {
    used: Vec<&'s str>,
    bound: BTreeSet<&'s str>,
    /// Filters, with their number of arguments.
    called: BTreeSet<(&'s str, usize)>,
    /// Texts that are not put together.
    literals: HashSet<String>,
}

impl<'s> TermNames<'s> {
    fn visit_term(&mut self, term: &Term<&'s str>) {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Arr(None) => {}
            Term::Var(name) => {
                if !self.used.contains(name) {
                    self.used.push(name);
                }
            }
            Term::Str(_, parts) => {
                let mut literal = Some(String::new());
                for part in parts {
                    match part {
                        StrPart::Term(term) => {
                            self.visit_term(term);
                            literal = None;
                        }
                        StrPart::Str(text) => literal = literal.map(|literal| literal + text),
                        StrPart::Char(char) => literal = literal.map(|literal| literal + &char.to_string()),
                    }
                }
                self.literals.extend(literal);
            }
            Term::Arr(Some(term)) | Term::Neg(term) | Term::Label(_, term) => self.visit_term(term),
            Term::Obj(fields) => {
                for (key, value) in fields {
                    self.visit_term(key);
                    self.visit_terms(value);
                }
            }
            Term::BinOp(left, op, right) => {
                if let BinaryOp::Pipe(Some(pattern)) = op {
                    self.visit_pattern(pattern);
                }
                self.visit_term(left);
                self.visit_term(right);
            }
            Term::Fold(_, over, pattern, args) => {
                self.visit_pattern(pattern);
                self.visit_term(over);
                self.visit_terms(args);
            }
            Term::TryCatch(term, catch) => {
                self.visit_term(term);
                self.visit_terms(catch.as_deref());
            }
            Term::IfThenElse(cases, otherwise) => {
                for (when, then) in cases {
                    self.visit_term(when);
                    self.visit_term(then);
                }
                self.visit_terms(otherwise.as_deref());
            }
            Term::Def(defs, term) => {
                for def in defs {
                    self.bound.extend(def.args.iter().filter(|arg| arg.starts_with('$')));
                    self.visit_term(&def.body);
                }
                self.visit_term(term);
            }
            Term::Call(name, args) => {
                self.called.insert((name, args.len()));
                self.visit_terms(args);
            }
            Term::Path(term, Path(parts)) => {
                self.visit_term(term);
                for (part, _) in parts {
                    match part {
                        Part::Index(index) => self.visit_term(index),
                        Part::Range(from, to) => self.visit_terms(from.iter().chain(to)),
                    }
                }
            }
        }
    }

    fn visit_terms<'t>(&mut self, terms: impl IntoIterator<Item = &'t Term<&'s str>>)
    where
        's: 't,
    {
        for term in terms {
            self.visit_term(term);
        }
    }

    fn visit_pattern(&mut self, pattern: &Pattern<&'s str>) {
        match pattern {
            Pattern::Var(name) => {
                self.bound.insert(name);
            }
            Pattern::Arr(patterns) => patterns.iter().for_each(|pattern| self.visit_pattern(pattern)),
            Pattern::Obj(fields) => {
                for (key, pattern) in fields {
                    self.visit_term(key);
                    self.visit_pattern(pattern);
                }
            }
        }
    }
}
