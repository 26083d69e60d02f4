export { AppError, ValidationError } from './app-error';
export { kitProblems, type KitProblemCode, type ProblemKind } from './problem';
