use itertools::Itertools;

use crate::domain::{Bindings, Input, InputName, InputOption, InputValues};

use super::Page;

/// The most combinations of inputs for which a page is kept running without viewers. More would let one page file start
/// thousands of feeds that nobody watches.
const MAX_KEPT_CHOICES: usize = 64;

/// One chosen option for each input of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputChoice {
    /// The option's value for each input, which identifies the channel and stands in the URL.
    pub values: InputValues,
    /// The values for the placeholders of queries and texts.
    pub bindings: Bindings,
}

/// A value that the input does not offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{input} has no option \"{value}\"; it offers {offered}")]
pub struct InvalidChoice {
    /// The input.
    pub input: InputName,
    /// The value asked for, cut short.
    pub value: String,
    /// The values that it offers.
    pub offered: String,
}

impl Page {
    /// Reads a visitor's choice from the inputs' values by name. An input that is not mentioned is at its default, and names
    /// that are no inputs of this page are ignored.
    ///
    /// # Errors
    /// [`InvalidChoice`] for a value that is not among the input's options.
    pub fn choose<'q>(&self, requested: impl IntoIterator<Item = (&'q str, &'q str)>) -> Result<InputChoice, InvalidChoice> {
        let mut chosen: Vec<&InputOption> = self.inputs.iter().map(|input| &input.options[input.default]).collect();
        for (name, value) in requested {
            if let Some(at) = self.inputs.iter().position(|input| input.name.as_str() == name) {
                chosen[at] = find_option(&self.inputs[at], value)?;
            }
        }
        Ok(self.choice_of(&chosen))
    }

    /// Every possible choice, the default ones first, up to a limit.
    pub fn choices(&self) -> Vec<InputChoice> {
        self.inputs
            .iter()
            .map(|input| input.options.iter())
            .multi_cartesian_product()
            .take(MAX_KEPT_CHOICES)
            .map(|options| self.choice_of(&options))
            .collect()
    }

    fn choice_of(&self, chosen: &[&InputOption]) -> InputChoice {
        let mut bindings = Bindings::new();
        for (input, option) in self.inputs.iter().zip(chosen) {
            bindings.insert(input.name.to_string(), option.value.clone());
            for (field, value) in &option.fields {
                bindings.insert(format!("{}.{field}", input.name), value.clone());
            }
        }
        let values = self.inputs.iter().zip(chosen).map(|(input, option)| (input.name.clone(), option.value.clone())).collect();
        InputChoice { values, bindings }
    }
}

fn find_option<'i>(input: &'i Input, value: &str) -> Result<&'i InputOption, InvalidChoice> {
    input.options.iter().find(|option| option.value == value).ok_or_else(|| InvalidChoice {
        input: input.name.clone(),
        value: value.chars().filter(|c| !c.is_control()).take(40).collect(),
        offered: input.options.iter().map(|option| &option.value).join(", "),
    })
}
