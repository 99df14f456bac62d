/** How many CPUs the sample of 2017 knows. */
export const MAX_CPUS = 12;
