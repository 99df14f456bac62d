/** How many CPUs the sample of 2017 knows; without a constant `nr_cpus`, programs take this bound. */
export const MAX_CPUS = 12;
