export { AppError, ValidationError } from './app-error';
export { type HeaderList } from './header-list';
export { kitProblems, type KitProblemCode, type ProblemKind } from './problem';
