//! What is compiled with this crate, once for each precision, and not again in every crate that uses it.

/// Makes a method, by its `solve`, a [`Minimizer`](crate::Minimizer).
macro_rules! minimizer {
    ($Method:ident) => {
        impl<'c, S: Real> Minimizer<'c, S> for $Method<'c, S> {
            fn minimize(
                &mut self,
                objective: &dyn Objective<S>,
                x: &mut [S],
            ) -> Result<Report<S>, Error> {
                dualtape_autodiff::compiled_here!(
                    |method, objective, x| method.solve(objective, x),
                    fn(
                        &mut $Method<'_, S>,
                        &dyn Objective<S>,
                        &mut [S],
                    ) -> Result<Report<S>, Error>
                )(self, objective, x)
            }

            fn options_mut(&mut self) -> &mut Options<'c, S> {
                &mut self.options
            }
        }
    };
}

pub(crate) use minimizer;
