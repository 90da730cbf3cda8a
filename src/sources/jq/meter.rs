//! The budget that keeps a filter from running for ever.
//!
//! jq is a full programming language: `[range(1e12)]`, `def f: f; f` and `"x" * 1e10` are one mistake away. Before a
//! filter and the standard definitions are compiled, their syntax is rewritten so that they pay as they go: on entry
//! to every definition, every turn of `reduce` and `foreach`, every `,`, every array and object they build, and for
//! every value that `.[]`, `..` and `range` give. The payment is taken by a native filter whose name no author can
//! write. When a run has spent its [`RunBudget`] it is halted, which `try` cannot catch.
//!
//! One thing is not metered: work inside a single native step (sorting or comparing values). It is
//! bounded by the size of the values, which the budget bounds; a value that refers to itself many times over
//! (`reduce range(60) as $i (1; [., .])`) can still be slow to compare, and many values small enough take much memory together. Then
//! the worker ends: by the limit on its memory ([`MemoryLimit`](super::memory_limit::MemoryLimit)), or by whoever waits for it.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::time::Instant;

use jaq_core::box_iter::box_once;
use jaq_core::data::HasLut;
use jaq_core::native::{Fun, v};
use jaq_core::{DataT, Exn, Lut, Native};
use jaq_json::{Num, Val};
use jaq_std::ValT as _;

use crate::sources::SourceError;
use crate::sources::filter_workers::MAX_RUN_TIME;

/// Steps a run may take: a hundred for each of the most entries a reading may have.
const MAX_STEPS: u64 = 1_000_000;

/// Steps that building an array or an object costs, and a turn of a definition that calls itself. It bounds how deep
/// values and scopes can be nested, and so how deep the program must go to drop them, to 50,000.
const BUILD_COST: u64 = 20;

/// The deepest nesting of arrays. An answer has at most 128.
const MAX_VALUE_DEPTH: usize = 512;

/// Bytes of one text on its way through the filter.
const MAX_TEXT_BYTES: u32 = 16 * 1024 * 1024;

/// Entries of one array or object on its way through the filter: about as much memory.
const MAX_VALUE_ENTRIES: usize = 1024 * 1024;

/// Bits of a whole number. Beyond it, products go on as floating-point numbers.
const MAX_INTEGER_BITS: u64 = 1024;

/// The stack of a filter's thread. Beside what a run may use of it, it is for native steps (and for dropping) of a value as deep
/// as the budget lets anyone build. A test goes there, without optimisation, and needs far more of it.
pub(super) const STACK_BYTES: usize = if cfg!(debug_assertions) { 256 } else { 16 } * 1024 * 1024;

/// How much of the stack a run may use.
const FILTER_STACK_BYTES: usize = if cfg!(debug_assertions) { STACK_BYTES / 16 } else { STACK_BYTES / 2 };

/// The steps between two checks of the time: reading the clock costs as much as several steps.
const STEPS_PER_CLOCK_CHECK: u64 = 64;

/// The names of the metering filters, which no author can write, since `!` is no letter to jq.
pub(super) const STEP: &str = "step!";
pub(super) const BUILD: &str = "build!";
pub(super) const MULTIPLY: &str = "times!";

/// The reason why a run was halted, as the exit code that jq's machinery carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Halt {
    Steps = 1,
    Time = 2,
    Depth = 3,
    Size = 4,
}

impl Halt {
    /// The error of a run that was halted with this code.
    pub(super) fn error(code: i32) -> SourceError {
        let why = match code {
            code if code == Self::Steps as i32 => "it takes too many steps",
            code if code == Self::Time as i32 => "it takes too long",
            code if code == Self::Depth as i32 => "it goes too deep",
            code if code == Self::Size as i32 => "it builds too large a value",
            _ => "it halted itself",
        };
        SourceError::OverLimits(format!("the filter was stopped: {why}"))
    }
}

/// The budget of one run: steps, time and stack.
pub(super) struct RunBudget {
    steps: Cell<u64>,
    deadline: Instant,
    stack_start: usize,
    /// For `now`: seconds since the Unix epoch.
    now: f64,
}

impl RunBudget {
    /// A fresh budget, for a run on this thread that begins here. The time is the machine's own and not a `Clock`:
    /// it limits work, which no test moves forward by hand.
    pub(super) fn start(now: f64) -> Self {
        Self { steps: Cell::new(0), deadline: Instant::now() + MAX_RUN_TIME, stack_start: stack_position(), now }
    }

    /// The present moment: seconds since the Unix epoch.
    pub(super) fn now(&self) -> f64 {
        self.now
    }

    /// Takes `cost` steps for a value that is passing by.
    pub(super) fn spend(&self, cost: u64, value: &Val) -> Result<(), Halt> {
        let before = self.steps.get();
        let steps = before + cost;
        self.steps.set(steps);
        if steps > MAX_STEPS {
            return Err(Halt::Steps);
        }
        if before / STEPS_PER_CLOCK_CHECK != steps / STEPS_PER_CLOCK_CHECK && Instant::now() >= self.deadline {
            return Err(Halt::Time);
        }
        if stack_position().abs_diff(self.stack_start) > FILTER_STACK_BYTES {
            return Err(Halt::Depth);
        }
        if is_too_large(value) {
            return Err(Halt::Size);
        }
        if is_too_deep(value) {
            return Err(Halt::Depth);
        }
        Ok(())
    }
}

/// The approximate address of the top of the stack.
fn stack_position() -> usize {
    let marker = 0_u8;
    std::hint::black_box(std::ptr::from_ref(&marker)).addr()
}

fn is_too_large(value: &Val) -> bool {
    match value {
        Val::Arr(entries) => entries.len() > MAX_VALUE_ENTRIES,
        Val::Obj(fields) => fields.len() > MAX_VALUE_ENTRIES,
        value => value.as_bytes().is_some_and(|text| text.len() > MAX_TEXT_BYTES as usize),
    }
}

/// Whether the value is nested too deeply along its first or its last entries, which is where mistakes nest.
fn is_too_deep(value: &Val) -> bool {
    let first = std::iter::successors(Some(value), |value| match value {
        Val::Arr(entries) => entries.first(),
        Val::Obj(fields) => fields.values().next(),
        _ => None,
    });
    let last = std::iter::successors(Some(value), |value| match value {
        Val::Arr(entries) => entries.last(),
        Val::Obj(fields) => fields.values().next_back(),
        _ => None,
    });
    [first.take(MAX_VALUE_DEPTH + 1).count(), last.take(MAX_VALUE_DEPTH + 1).count()]
        .iter()
        .any(|depth| *depth > MAX_VALUE_DEPTH)
}

/// The data types of jq's interpreter for our filters: JSON values, and a budget.
pub(super) struct Metered;

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = RunData<'a>;
}

/// The context that every step of a run can reach.
#[derive(Clone, Copy)]
pub(super) struct RunData<'a> {
    pub(super) lut: &'a Lut<Metered>,
    pub(super) budget: &'a RunBudget,
}

impl<'a> HasLut<'a, Metered> for RunData<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.lut
    }
}

/// The native filters that meter.
pub(super) fn metering_natives() -> [Fun<Metered>; 3] {
    [
        (STEP, v(0), charge::<1>()),
        (BUILD, v(0), charge::<BUILD_COST>()),
        (
            MULTIPLY,
            v(2),
            Native::new(|mut cv| {
                let right = cv.0.pop_var();
                let left = cv.0.pop_var();
                box_once(multiply(left, right))
            }),
        ),
    ]
}

/// The identity filter that charges its cost to the budget; also as a path, so that `(.[] | …) |= …` goes on working.
fn charge<const COST: u64>() -> Native<Metered> {
    Native::<Metered>::new(|cv| {
        let paid = cv.0.data().budget.spend(COST, &cv.1);
        box_once(paid.map(|()| cv.1).map_err(|halt| Exn::halt(halt as i32)))
    })
    .with_paths(|cv| {
        let paid = cv.0.data().budget.spend(COST, &cv.1.0);
        box_once(paid.map(|()| cv.1).map_err(|halt| Exn::halt(halt as i32)))
    })
    .with_update(|cv, update| match cv.0.data().budget.spend(COST, &cv.1) {
        Ok(()) => update(cv.1),
        Err(halt) => box_once(Err(Exn::halt(halt as i32))),
    })
}

/// `value` as text, if that is not longer than `max_bytes`.
pub(super) fn to_bounded_string(value: &impl fmt::Display, max_bytes: usize) -> Option<String> {
    let mut bounded = BoundedString { text: String::new(), max_bytes };
    write!(bounded, "{value}").ok()?;
    Some(bounded.text)
}

struct BoundedString {
    text: String,
    max_bytes: usize,
}

impl fmt::Write for BoundedString {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.text.len() + more.len() > self.max_bytes {
            return Err(fmt::Error);
        }
        self.text.push_str(more);
        Ok(())
    }
}

/// `left * right`, which for a text and a number is that many copies of the text.
fn multiply<'a>(left: Val, right: Val) -> Result<Val, Exn<'a, Val>> {
    if let (Val::Num(one), Val::Num(other)) = (&left, &right) {
        if bit_length(one) + bit_length(other) > MAX_INTEGER_BITS {
            let product = left.as_f64().unwrap_or(f64::NAN) * right.as_f64().unwrap_or(f64::NAN);
            return Ok(Val::from(product));
        }
    } else if repeated_length(&left, &right)
        .or_else(|| repeated_length(&right, &left))
        .is_some_and(|size| size > MAX_TEXT_BYTES.into())
    {
        return Err(Exn::halt(Halt::Size as i32));
    }
    let (left, right) =
        if left.as_bytes().is_some() || right.as_bytes().is_some() { (copies(left), copies(right)) } else { (left, right) };
    (left * right).map_err(Exn::from)
}

/// A number of copies of a text, which is a whole one: jq takes one with a fraction too, and one that is not above zero for none.
fn copies(value: Val) -> Val {
    match value {
        Val::Num(Num::Float(_) | Num::Dec(_)) => {
            let count = value.as_f64().unwrap_or_default().ceil();
            #[expect(clippy::cast_possible_truncation, reason = "a text that large was refused")]
            let count = count as isize;
            Val::from(count)
        }
        value => value,
    }
}

/// The length of `text` repeated `count` times, if they are a text and a number.
fn repeated_length(text: &Val, count: &Val) -> Option<f64> {
    let length = u32::try_from(text.as_bytes()?.len()).unwrap_or(u32::MAX);
    Some(f64::from(length) * count.as_f64()?)
}

fn bit_length(number: &Num) -> u64 {
    match number {
        Num::Int(_) => u64::from(isize::BITS),
        Num::BigInt(number) => number.bits(),
        Num::Float(_) | Num::Dec(_) => 0,
    }
}
