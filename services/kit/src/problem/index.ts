export { AppError, ValidationError } from './app-error';
export { headerLines } from './header-list';
export { kitProblems, type KitProblemCode, type ProblemKind } from './problem';
